// A stand-in for jsr:@std/testing/types: assertions about types, made by the type checker.

/** Does nothing at run time; `assertType<IsExact<A, B>>(true)` compiles only if the type argument is `true`. */
export function assertType<T extends boolean>(_expected: T): void {}

/** `true` for `any` alone: 0 extends an intersection with 1 only when `any` swallows it. */
export type IsAny<T> = 0 extends (1 & T) ? true : false;

/** `true` for `never` alone. */
export type IsNever<T> = [T] extends [never] ? true : false;

/** `true` for `unknown` and `any`. */
export type IsUnknown<T> = unknown extends T ? true : false;

/** `true` if `T` may be null or undefined. */
export type IsNullable<T> = IsNever<Extract<T, null | undefined>> extends true ? false : true;

/** `true` if some member of the union `T` is a `U`. */
export type Has<T, U> = IsAny<T> extends true ? true
  : IsAny<U> extends true ? false
  : IsNever<Extract<T, U>> extends true ? false
  : true;

/** The opposite of {@linkcode Has}. */
export type NotHas<T, U> = Has<T, U> extends true ? false : true;

/** `true` if `T` and `U` are the same type: each assignable to the other, `any` and optional properties told apart. */
export type IsExact<T, U> = Mutual<BrandAny<T>, BrandAny<U>> extends true
  ? Mutual<BrandWithin<T, never>, BrandWithin<U, never>>
  : false;

/** Compiles only if its argument is `true`. */
export type AssertTrue<T extends true> = T extends true ? never : never;

/** Compiles only if its argument is `false`. */
export type AssertFalse<T extends false> = T extends false ? never : never;

type Mutual<T, U> = [T] extends [U] ? [U] extends [T] ? true : false : false;

// `any` is assignable both ways to everything, so it is replaced by a type that is not.
type BrandAny<T> = IsAny<T> extends true ? { readonly __any: unique symbol } : T;

// `-?` because `{}` and `{ a?: 1 }` are assignable to each other; Seen stops at recursive types.
type BrandWithin<T, Seen> = {
  [K in keyof T]-?: IsAny<T[K]> extends true ? BrandAny<T[K]>
    : T[K] extends Seen ? T[K]
    : BrandWithin<T[K], Seen | T>;
};
