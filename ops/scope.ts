/**
 * Who frees intermediate values. Every concrete tensor made while a rule or a trace is at work belongs to an owner, and
 * is freed when that owner ends, unless it was returned or a longer-lived owner took it over. Tensors that users make
 * belong to nobody and are never freed here. Users' own code never runs inside a scope.
 */

import { ConcreteTensor, type Tensor } from "./tensor.ts";

let moments = 0;

/** A number larger than all before: orders traces and owners by age. */
export function nextMoment(): number {
  return ++moments;
}

/** Tensors that are freed together. */
export class Owner {
  /** Owners end in the reverse order of their birth. */
  readonly born: number;
  readonly #tensors = new Set<ConcreteTensor>();

  constructor(born: number = nextMoment()) {
    this.born = born;
  }

  add(x: ConcreteTensor): void {
    this.#tensors.add(x);
    x.owner = this;
  }

  /** Takes over tensors that would be freed earlier. */
  adopt(xs: Iterable<Tensor>): void {
    for (const x of xs) {
      if (!(x instanceof ConcreteTensor) || x.owner === null || x.owner.born <= this.born) continue;
      x.owner.#tensors.delete(x);
      this.add(x);
    }
  }

  /** Lets go of tensors: to `heir`, or for good. */
  release(xs: Iterable<Tensor | null>, heir: Owner | null): void {
    for (const x of xs) {
      if (!(x instanceof ConcreteTensor) || x.owner !== this) continue;
      this.#tensors.delete(x);
      x.owner = null;
      heir?.add(x);
    }
  }

  free(): void {
    for (const x of this.#tensors) {
      x.owner = null;
      x[Symbol.dispose]();
    }
    this.#tensors.clear();
  }
}

let open: Owner | null = null;

/** Notes a tensor just made by a device. */
export function noteMade(x: ConcreteTensor): void {
  open?.add(x);
}

/** From here on `owner` (or nobody) owns what is made. Returns who did before; give it back in the end. */
export function enterScope(owner: Owner | null): Owner | null {
  const outer = open;
  open = owner;
  return outer;
}

/** A tensor for users to keep: a second one of the same storage, so that each can be disposed without the other. */
export function handOut(x: Tensor): Tensor {
  return x instanceof ConcreteTensor ? x.device.share(x) : x;
}

/** Runs `body`, then frees what it made but did not return; that goes to `heir`, or else to the enclosing scope. */
export function tidy<T>(body: () => T, returned: (result: T) => Iterable<Tensor | null>, heir: Owner | null = open): T {
  const owner = new Owner();
  const outer = enterScope(owner);
  try {
    const result = body();
    owner.release(returned(result), heir);
    return result;
  } finally {
    enterScope(outer);
    owner.free();
  }
}
