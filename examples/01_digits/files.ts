// What a run leaves behind: the parameters in the format safetensors, and files that are written whole or not at all.
import { tree } from "@pullback/pullback";
import { Problem, reasonOf } from "./problem.ts";

/**
 * The float32 tensors of a tree in the format safetensors (github.com/huggingface/safetensors), which most libraries
 * read: the length of the header in 8 bytes; the header, in JSON; the numbers of all tensors, row by row. The header
 * gives each tensor's name, here its path in the tree, its shape, and where its bytes begin and end. All is little-endian.
 */
export async function toSafetensors(params: unknown): Promise<Uint8Array> {
  const names = tree.paths(params);
  const numbers = await Promise.all(tree.leaves(params).map((x) => x.data()));
  const entries: Record<string, object> = {};
  let sizeBytes = 0;
  tree.leaves(params).forEach((x, i) => {
    entries[names[i]!] = { dtype: "F32", shape: x.shape, data_offsets: [sizeBytes, sizeBytes += 4 * x.size] };
  });
  const json = JSON.stringify(entries);
  // Spaces at its end let the numbers begin at a multiple of 8.
  const header = new TextEncoder().encode(json.padEnd(8 * Math.ceil(json.length / 8)));

  const bytes = new Uint8Array(8 + header.length + sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  let offset = 8 + header.length;
  for (const number of numbers.flatMap((part) => [...part])) {
    view.setFloat32(offset, number, true);
    offset += 4;
  }
  return bytes;
}

/** Makes the folder: a run that cannot write its results should fail before it trains. */
export function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new Problem(`cannot make the folder ${path}: ${reasonOf(error)}`);
  }
}

/** Writes a file under another name first, so that nobody finds half of it. */
export function writeWhole(path: string, content: Uint8Array): void {
  try {
    Deno.writeFileSync(`${path}.part`, content);
    Deno.renameSync(`${path}.part`, path);
  } catch (error) {
    throw new Problem(`cannot write ${path}: ${reasonOf(error)}`);
  }
}
