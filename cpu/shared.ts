/** The memory that kernels run in: shared by threads where the platform allows it. */

/** The most a memory can hold, in pages of 64 KiB: 4 GiB. */
export const maxPages = 65536;

let shared: boolean | undefined;

/** Whether memories are shared, and kernels compiled for shared memory: the same for all of them. */
export function isShared(): boolean {
  return shared ??= canShare();
}

function canShare(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  try {
    // Browsers have shared memory only for isolated pages.
    return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}

export function newMemory(pages: number): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: pages, maximum: maxPages, shared: isShared() });
}
