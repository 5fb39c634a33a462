/** Finds a GPU: an adapter, and a device of it with the features and limits that kernels can use. */

import { measure } from "./tuning.ts";

/** A device, and what is known of it. */
export interface Connection {
  readonly device: GPUDevice;
  readonly description: string;
  readonly vendor: string;
  /** Optional features in use. */
  readonly features: ReadonlySet<string>;
  /** Whether kernels are faster whose threads share memory and wait for each other; this is measured. */
  readonly hasFastBarriers: boolean;
}

/** Features that kernels use where they are present. */
const wantedFeatures = ["shader-f16", "subgroups", "timestamp-query"] as const;

/** Limits that are asked for as high as the adapter has them; all others stay at WebGPU's defaults. */
const wantedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

const cure = "the CPU still works; on Debian `apt install mesa-vulkan-drivers` brings a software GPU";

export async function connect(): Promise<Connection> {
  const gpu: GPU | undefined = globalThis.navigator?.gpu;
  if (gpu === undefined) throw new TypeError(`gpu() needs WebGPU, which this runtime does not have: ${cure}`);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw new TypeError(`gpu() found no GPU adapter: ${cure}`);
  const { vendor, architecture } = adapter.info;
  // Browsers keep the description to themselves.
  const description = adapter.info.description || `${vendor} ${architecture}`.trim();
  const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[];
  const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  const { hasFastBarriers } = await measure(device);
  return { device, description, vendor, features: new Set(requiredFeatures), hasFastBarriers };
}
