/** The switch that turns on one of the mutants that are compiled into a source. */

let on = Number(Deno.env.get("MUTANT") ?? -1);

/** The mutants at whose place the run has been. */
export const passed: Set<number> = new Set();

/** All operations, for mutants that call one which their module does not import; filled once everything is loaded. */
export const twins: Record<string, unknown> = {};

export function isOn(mutant: number): boolean {
  passed.add(mutant);
  return mutant === on;
}

/** Turns on a mutant, or none. */
export function turnOn(mutant: number | null): void {
  on = mutant ?? -1;
}
