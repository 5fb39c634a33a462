// Deep equality as jsr:@std/assert defines it; node:assert's own tells 0 from −0, which this must not.

/** True if `a` and `b` have equal structure; NaN equals NaN, 0 equals −0, and a class never equals another. */
export function equal(a: unknown, b: unknown): boolean {
  const assumed = new Map<object, object>();
  const same = (x: unknown, y: unknown): boolean => {
    if (x === y || (x !== x && y !== y)) return true;
    if (!isObject(x) || !isObject(y) || classOf(x) !== classOf(y)) return false;
    // A pair met again inside itself is equal if everything else is.
    if (assumed.get(x) === y) return true;
    assumed.set(x, y);
    const result = sameContents(x, y, same);
    if (!result) assumed.delete(x);
    return result;
  };
  return same(a, b);
}

type Fields = Readonly<Record<PropertyKey, unknown>>;

function isObject(x: unknown): x is object {
  return typeof x === "object" && x !== null;
}

function classOf(x: object): unknown {
  return x.constructor ?? Object; // an object without a prototype counts as a plain one
}

function sameContents(x: object, y: object, same: (x: unknown, y: unknown) => boolean): boolean {
  if (x instanceof WeakMap || x instanceof WeakSet) {
    throw new TypeError(`cannot compare ${x.constructor.name} instances`);
  }
  if (x instanceof WeakRef) return same(x.deref(), (y as typeof x).deref());
  if (x instanceof Date) return same(x.getTime(), (y as Date).getTime());
  if (x instanceof RegExp || x instanceof URL) return String(x) === String(y);
  if (x instanceof ArrayBuffer || x instanceof SharedArrayBuffer) {
    return sameItems(new Uint8Array(x), new Uint8Array(y as ArrayBuffer), same);
  }
  if (x instanceof DataView) return sameItems(bytesOf(x), bytesOf(y as DataView), same);
  if (ArrayBuffer.isView(x)) {
    return sameItems(x as unknown as ArrayLike<unknown>, y as unknown as ArrayLike<unknown>, same);
  }
  if (x instanceof Set || x instanceof Map) {
    const others: unknown[] = [...(y as Iterable<unknown>)];
    return others.length === x.size && [...x].every((item) => others.some((other) => same(item, other)));
  }
  const keys = ownKeys(x);
  return keys.length === ownKeys(y).length &&
    keys.every((key) => key in y && same((x as Fields)[key], (y as Fields)[key]));
}

function sameItems(
  x: ArrayLike<unknown>,
  y: ArrayLike<unknown>,
  same: (x: unknown, y: unknown) => boolean,
): boolean {
  if (x.length !== y.length) return false;
  for (let i = 0; i < x.length; i++) if (!same(x[i], y[i])) return false;
  return true;
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

// Enumerable ones, symbols included: a spread keeps exactly these.
function ownKeys(x: object): PropertyKey[] {
  return Reflect.ownKeys({ ...x });
}
