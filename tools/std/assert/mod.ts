// A stand-in for jsr:@std/assert over node:assert: same names and meanings, for machines that cannot reach JSR.
import { AssertionError as NodeAssertionError } from "node:assert";
import { inspect } from "node:util";
import { equal } from "./equal.ts";
export { equal };

/** What every failed assertion throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** The classes `assertThrows` and `assertInstanceOf` take, abstract ones included. */
// `never[]` accepts constructors of any parameters.
type Class<T> = abstract new (...args: never[]) => T;

function raise(message: string, extra: string | undefined, detail = ""): never {
  throw new AssertionError(`${message}${extra ? `: ${extra}` : "."}${detail}`);
}

function difference(actual: unknown, expected: unknown): string {
  return `\n\n${new NodeAssertionError({ actual, expected, operator: "deepStrictEqual" }).message}`;
}

/** Fails unless `value` is truthy. */
export function assert(value: unknown, msg = ""): asserts value {
  if (!value) throw new AssertionError(msg);
}

/** Fails unless `value` is falsy. */
export function assertFalse(value: unknown, msg?: string): void {
  if (value) raise(`Expected actual: "${value}" to be falsy`, msg);
}

/** Fails unless the values are deeply equal; NaN equals NaN and 0 equals −0. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) raise("Values are not equal", msg, difference(actual, expected));
}

/** Fails if the values are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) raise(`Expected actual: ${inspect(actual)} not to be: ${inspect(expected)}`, msg);
}

/** Fails unless `Object.is(actual, expected)`: 0 and −0 differ. */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  if (!Object.is(actual, expected)) raise("Values are not strictly equal", msg, difference(actual, expected));
}

/** Fails if `Object.is(actual, expected)`. */
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  if (Object.is(actual, expected)) raise(`Expected "actual" to not be strictly equal to: ${inspect(actual)}`, msg);
}

/** Fails unless the numbers differ by at most `tolerance`, by default a ten-millionth of the expected one. */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ?? (isFinite(expected) ? Math.abs(expected) * 1e-7 : 1e-7);
  const delta = Math.abs(expected - actual);
  // Not `delta > allowed`: a NaN must fail.
  if (!(delta <= allowed)) {
    raise(
      `Expected actual: "${actual}" to be close to "${expected}": delta "${delta}" is greater than "${allowed}"`,
      msg,
    );
  }
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) raise(`Expect ${inspect(actual)} > ${inspect(expected)}`, msg);
}

/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) raise(`Expect ${inspect(actual)} >= ${inspect(expected)}`, msg);
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) raise(`Expect ${inspect(actual)} < ${inspect(expected)}`, msg);
}

/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) raise(`Expect ${inspect(actual)} <= ${inspect(expected)}`, msg);
}

/** Fails if `actual` is null or undefined. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    raise(`Expected actual: "${actual}" to not be null or undefined`, msg);
  }
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) raise(`Expected actual: "${actual}" to contain: "${expected}"`, msg);
}

/** Fails unless `actual` matches. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) raise(`Expected actual: "${actual}" to match: "${expected}"`, msg);
}

/** Fails if `actual` matches. */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) raise(`Expected actual: "${actual}" to not match: "${expected}"`, msg);
}

/** Fails unless every expected item equals some item of `actual`. */
export function assertArrayIncludes<T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string): void {
  const items = Array.from(actual);
  const missing = Array.from(expected).filter((wanted) => !items.some((item) => equal(item, wanted)));
  if (missing.length > 0) {
    raise(
      `Expected actual: "${inspect(actual)}" to include: "${inspect(expected)}"`,
      msg,
      `\nmissing: ${inspect(missing)}`,
    );
  }
}

/** Fails unless `actual instanceof ExpectedType`. */
export function assertInstanceOf<T>(actual: unknown, ExpectedType: Class<T>, msg = ""): asserts actual is T {
  if (actual instanceof ExpectedType) return;
  raise(`Expected object to be an instance of "${ExpectedType.name}" but was ${inspect(actual, { depth: 0 })}`, msg);
}

/** Fails if `actual instanceof UnexpectedType`. */
export function assertNotInstanceOf<A, T>(
  actual: A,
  UnexpectedType: Class<T>,
  msg?: string,
): asserts actual is Exclude<A, T> {
  if (actual instanceof UnexpectedType) raise(`Expected object to not be an instance of "${UnexpectedType.name}"`, msg);
}

/** Fails unless `error` is an Error, of the class and with the message asked for. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: Class<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) raise(`Expected "error" to be an Error object`, msg);
  if (ErrorClass && !(error instanceof ErrorClass)) {
    const text = `Expected error to be instance of "${ErrorClass.name}", but was "${error.constructor.name}"`;
    raise(text, msg, `\n\n${error.stack ?? error.message}`);
  }
  if (!msgMatches) return;
  const matches = typeof msgMatches === "string" ? error.message.includes(msgMatches) : msgMatches.test(error.message);
  if (!matches) {
    const wanted = typeof msgMatches === "string" ? JSON.stringify(msgMatches) : String(msgMatches);
    raise(`Expected error message to include ${wanted}, but got ${JSON.stringify(error.message)}`, msg);
  }
}

type ErrorOrMessage = Class<Error> | string | undefined;

// Both forms of assertThrows and assertRejects: (fn, msg) and (fn, ErrorClass, msgIncludes, msg).
function checkThrown(what: string, error: unknown, first: ErrorOrMessage, msgIncludes?: string, msg?: string): void {
  if (typeof first !== "function") return;
  if (!(error instanceof Error)) raise(`A non-Error object was ${what}`, msg);
  assertIsError(error, first, msgIncludes, msg);
}

/** Fails unless `fn` throws, with the class and message asked for; returns what was thrown. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(fn: () => unknown, first?: ErrorOrMessage, msgIncludes?: string, msg?: string): unknown {
  try {
    fn();
  } catch (error) {
    checkThrown("thrown", error, first, msgIncludes, msg);
    return error;
  }
  raise("Expected function to throw", typeof first === "string" ? first : msg);
}

/** Fails unless the promise `fn` returns rejects, with the class and message asked for; resolves to the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  first?: ErrorOrMessage,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const extra = typeof first === "string" ? first : msg;
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch {
    raise("Function throws when expected to reject", extra);
  }
  if (typeof promise?.then !== "function") raise("Function throws when expected to reject", extra);
  try {
    await promise;
  } catch (error) {
    checkThrown("rejected", error, first, msgIncludes, msg);
    return error;
  }
  raise("Expected function to reject", extra);
}

/** Fails. */
export function fail(msg?: string): never {
  raise("Failed assertion", msg);
}

/** Fails: this line was not to be reached. */
export function unreachable(reason?: string): never {
  raise("Unreachable", reason);
}
