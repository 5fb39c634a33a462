/** The op table: one row for each public operation, by family. A new operation adds its row to one of these lists. */

import type { Row } from "./row.ts";
import { contractionRows } from "./rows/contraction.ts";
import { creationRows } from "./rows/create.ts";
import { elementwiseRows } from "./rows/elementwise.ts";
import { indexingRows } from "./rows/indexing.ts";
import { joiningRows } from "./rows/joining.ts";
import { movementRows } from "./rows/movement.ts";
import { reductionRows } from "./rows/reduction.ts";
import { windowRows } from "./rows/windows.ts";

export const table: readonly Row[] = [
  ...creationRows,
  ...elementwiseRows,
  ...reductionRows,
  ...movementRows,
  ...joiningRows,
  ...indexingRows,
  ...contractionRows,
  ...windowRows,
];
