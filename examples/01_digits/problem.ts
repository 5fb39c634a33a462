// Mistakes that the user can mend.

/** What `main.ts` reports in one line, without a stack trace. */
export class Problem extends Error {
  override name = "Problem";
}

/** What went wrong, in the words of the one who found it. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
