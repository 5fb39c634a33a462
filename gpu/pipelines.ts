/** Compiled shaders, one for each text: shapes that need the same code share it. */

import { type Doubt, doubtAbout } from "./failures.ts";
import type { Dispatch } from "./kernel.ts";

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly doubt: Doubt;
}

/** A shader that a device does not take: a bug of this library or of a driver. */
export class ShaderError extends Error {
  override readonly name = "ShaderError";
}

export class Pipelines {
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get count(): number {
    return this.#pipelines.size;
  }

  get(dispatch: Dispatch): Pipeline {
    const { code, bindings } = dispatch;
    let found = this.#pipelines.get(code);
    if (found === undefined) {
      const layout = this.#layoutOf(bindings.map(({ writes }) => writes), dispatch.parameters.length > 0);
      this.#pipelines.set(code, found = this.#compile(dispatch, layout));
    }
    return found;
  }

  #compile({ label, code }: Dispatch, layout: GPUBindGroupLayout): Pipeline {
    const device = this.#device;
    const { result: pipeline, doubt } = doubtAbout(
      device,
      ["validation", "internal", "out-of-memory"],
      () =>
        device.createComputePipeline({
          label,
          layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
          compute: { module: device.createShaderModule({ label, code }), entryPoint: "main" },
        }),
      (message) => new ShaderError(`the gpu refuses the shader of ${label}: ${message}\n${code}`),
    );
    return { pipeline, layout, doubt };
  }

  #layoutOf(writes: readonly boolean[], hasParameters: boolean): GPUBindGroupLayout {
    const key = `${writes} ${hasParameters}`;
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      const types: GPUBufferBindingType[] = writes.map((w) => w ? "storage" : "read-only-storage");
      if (hasParameters) types.push("read-only-storage");
      layout = this.#device.createBindGroupLayout({
        entries: types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}
