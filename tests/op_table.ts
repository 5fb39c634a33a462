/** The op table: one row for each public operation, by family. A new operation adds its row to one of these lists. */

import type { Row } from "./row.ts";
import { contractionRows } from "./rows/contraction.ts";
import { creationRows } from "./rows/create.ts";
import { cumulativeRows } from "./rows/cumulative.ts";
import { elementwiseRows } from "./rows/elementwise.ts";
import { indexingRows } from "./rows/indexing.ts";
import { joiningRows } from "./rows/joining.ts";
import { movementRows } from "./rows/movement.ts";
import { placeRows } from "./rows/places.ts";
import { norm } from "./rows/norm.ts";
import { quantileRows } from "./rows/quantile.ts";
import { reductionRows } from "./rows/reduction.ts";
import { windowRows } from "./rows/windows.ts";

export const table: readonly Row[] = [
  ...creationRows,
  ...elementwiseRows,
  ...reductionRows,
  ...cumulativeRows,
  norm,
  ...quantileRows,
  ...movementRows,
  ...joiningRows,
  ...indexingRows,
  ...placeRows,
  ...contractionRows,
  ...windowRows,
];
