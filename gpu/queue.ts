/** The queue of work for a device, which is kept from growing while nobody waits. */

/** Programs that may wait in the queue. */
const mostWaiting = 256;
/** Bytes written that may wait for a submission. */
const mostWrittenBytes = 32 * 2 ** 20;

export class Queue {
  readonly #device: GPUDevice;
  #submitted = 0;
  #writtenBytes = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  submit(commands: GPUCommandBuffer): void {
    const { queue } = this.#device;
    queue.submit([commands]);
    this.#writtenBytes = 0;
    // Deno waits in the call itself; browsers bound the queue themselves.
    if (++this.#submitted % mostWaiting === 0) queue.onSubmittedWorkDone().catch(() => {});
  }

  /** Writes bytes to the beginning of a buffer, after all that was submitted. */
  write(buffer: GPUBuffer, bytes: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): void {
    const { queue } = this.#device;
    queue.writeBuffer(buffer, 0, bytes);
    this.#writtenBytes += bytes.byteLength;
    if (this.#writtenBytes < mostWrittenBytes) return;
    // Copies of what is written pile up until something is submitted.
    queue.submit([]);
    this.#writtenBytes = 0;
  }
}
