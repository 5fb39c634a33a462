/** Where intermediate values lie: offsets in one piece of memory, shared by values that are never needed together. */

/** A piece of memory, and the first and last moment at which it is in use. */
export interface Span {
  readonly sizeBytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Arena {
  readonly offsets: readonly number[];
  readonly sizeBytes: number;
}

/** The largest first, each at the lowest offset where nothing else lies while it is in use. */
export function planArena(spans: readonly Span[]): Arena {
  const offsets = new Array<number>(spans.length).fill(0);
  /** The spans that have their place, by offset. */
  const placed: number[] = [];
  let sizeBytes = 0;
  for (const n of [...spans.keys()].sort((a, b) => spans[b]!.sizeBytes - spans[a]!.sizeBytes)) {
    const span = spans[n]!;
    let offset = 0;
    for (const other of placed) {
      const { first, last, sizeBytes } = spans[other]!;
      if (last < span.first || span.last < first) continue;
      if (offsets[other]! >= offset + span.sizeBytes) break;
      offset = Math.max(offset, offsets[other]! + roundUp(sizeBytes));
    }
    offsets[n] = offset;
    sizeBytes = Math.max(sizeBytes, offset + roundUp(span.sizeBytes));
    const behind = placed.findIndex((other) => offsets[other]! > offset);
    placed.splice(behind < 0 ? placed.length : behind, 0, n);
  }
  return { offsets, sizeBytes };
}

const lineBytes = 64;

/** To whole lines of the cache, so that no two threads write to the same one. */
export function roundUp(bytes: number): number {
  return Math.ceil(bytes / lineBytes) * lineBytes;
}
