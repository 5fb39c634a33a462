/** How tests of error messages are written: a call, the class of what it throws, and the whole message. */

import { assertEquals, assertThrows } from "@std/assert";
import type { ShapeError } from "../mod.ts";

type Kind = typeof TypeError | typeof RangeError | typeof ShapeError;
export type Refusal = readonly [call: () => unknown, kind: Kind, message: string];

/** Every call throws an error of just this class, with just these words. */
export function refuses(name: string, refusals: readonly Refusal[]): void {
  Deno.test(`errors: ${name}`, () => {
    for (const [call, kind, message] of refusals) {
      const error = assertThrows(call, Error, undefined, message);
      assertEquals(error.message, message);
      assertEquals(error.constructor, kind, message);
    }
  });
}

/** What only a program without types would pass. */
export function untyped<T>(x: unknown): T {
  return x as T;
}
