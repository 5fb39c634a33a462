/**
 * What goes wrong on a GPU is told late: after a call has returned, a pipeline may turn out to be refused, or a buffer
 * not to fit. Values that depend on such a call carry a doubt until it is cleared, and reading them throws if it is not.
 */

/** Something that may have failed. */
export interface Doubt {
  state: "open" | "cleared" | Error;
  /** Ends when the state is known. */
  readonly settled: Promise<void>;
}

const none: readonly Doubt[] = [];

/** A doubt about what `call` does; `explain` makes the exception of what the device reports, if anything. */
export function doubtAbout<T>(
  device: GPUDevice,
  filters: readonly GPUErrorFilter[],
  call: () => T,
  explain: (message: string) => Error,
): { readonly result: T; readonly doubt: Doubt } {
  for (const filter of filters) device.pushErrorScope(filter);
  let result: T;
  let reports: Promise<GPUError | null>[] = [];
  try {
    result = call();
  } finally {
    reports = filters.map(() => device.popErrorScope());
  }
  const settled = Promise.all(reports).then(
    (errors) => {
      const error = errors.find((error) => error !== null);
      doubt.state = error ? explain(error.message) : "cleared";
    },
    // The scope is gone with the device, which tells why itself.
    () => {},
  );
  const doubt: Doubt = { state: "open", settled };
  return { result, doubt };
}

/** All doubts that are not cleared, each once. Throws the first that proved right. */
export function join(lists: readonly (readonly Doubt[])[], more: readonly Doubt[] = none): readonly Doubt[] {
  let joined: Set<Doubt> | null = null;
  const enter = (doubt: Doubt): void => {
    if (doubt.state instanceof Error) throw doubt.state;
    if (doubt.state === "open") (joined ??= new Set()).add(doubt);
  };
  for (const list of lists) for (const doubt of list) enter(doubt);
  for (const doubt of more) enter(doubt);
  return joined === null ? none : [...joined];
}

/** Waits until every doubt is settled. Throws the first that proved right. */
export async function settle(doubts: readonly Doubt[]): Promise<void> {
  for (const doubt of doubts) {
    if (doubt.state === "open") await doubt.settled;
    if (doubt.state instanceof Error) throw doubt.state;
  }
}
