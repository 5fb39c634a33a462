/** The gradient of a convolution by its input as a scatter: each cell of the output's gradient adds to its whole window. */

import { type Contraction, packPanels, withScratch } from "./contraction.ts";
import type { GatherAxis } from "./conv_axes.ts";
import type { Weights } from "./conv_gather.ts";
import { apartRows, piecesOffsets, type Three, type Volume } from "./conv_volume.ts";
import type { Machine } from "./machine.ts";
import { panelBytes } from "./tile.ts";

const blockRows = 256;
const blockDepth = 640;
