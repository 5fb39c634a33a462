/** WebAssembly for sliding windows: one nest of loops over windows, channels and cells, with a body for each role. */

import { assemble, FunctionBuilder, i32, type Local, v128, type ValueType } from "./assembler.ts";
import {
  advance,
  countDown,
  forEachGroup,
  fourLanes,
  type Group,
  newLocals,
  oneLane,
  parameters,
  twoLanes,
} from "./loops.ts";
import type { WindowRole } from "../ops/kernel.ts";

/** The sizes and steps that the loops need of one spatial axis. */
export interface WindowAxis {
  readonly input: number;
  readonly output: number;
  readonly window: number;
  readonly stride: number;
  readonly low: number;
}

const axisFields = ["input", "output", "window", "stride", "low"] as const;

/**
 * Cells are `[batch, z, y, x, channels]` at `cells`, windows the like at `windows`: the role says which of them is
 * read. `positions`, for `take` and `put`, are laid out as the windows.
 */
export type SlideWindows = (
  cells: number,
  windows: number,
  positions: number,
  batch: number,
  channels: number,
  ...axes: number[]
) => void;

/** The axes z, y, x as arguments. */
export function axisArguments(axes: readonly WindowAxis[]): number[] {
  return axes.flatMap((axis) => axisFields.map((field) => axis[field]));
}

const groups: readonly Group[] = [
  { width: fourLanes, vectors: 4 },
  { width: fourLanes, vectors: 1 },
  { width: twoLanes, vectors: 1 },
  { width: oneLane, vectors: 1 },
];

/** What a role does with a group of channels, of whose vectors number v lies 16·v bytes further on. */
interface Body {
  /** Before a window's cells: addresses in windows and positions, and the position of the first cell. */
  readonly start: (group: Group, window: Local, positions: Local, first: Local) => void;
  /** For each cell that is no padding: its address and its position in the window. */
  readonly cell: (group: Group, cell: Local, position: Local) => void;
  readonly finish: (group: Group, window: Local) => void;
}

/** Exports `slide`, a `SlideWindows`. */
export function windowModule(role: WindowRole): Uint8Array<ArrayBuffer> {
  const f = new FunctionBuilder(new Array<ValueType>(5 + 3 * axisFields.length).fill(i32));
  slide(f, bodyOf(f, role));
  return assemble({ slide: f });
}

function bodyOf(f: FunctionBuilder, role: WindowRole): Body {
  const values = f.locals(v128, 4);
  const chosen = f.locals(v128, 4);
  const [x, index, wins] = newLocals(f, v128, 3);
  const forEachVector = ({ vectors }: Group, visit: (value: Local, choice: Local, offset: number) => void): void => {
    for (let v = 0; v < vectors; v++) visit(values[v]!, chosen[v]!, 16 * v);
  };
  const fill = (group: Group, start: number): void => {
    forEachVector(group, (value) => f.f32x4(start).set(value));
  };
  const load = (group: Group, from: Local, into: "value" | "choice"): void => {
    forEachVector(group, (value, choice, offset) => {
      group.width.load(f.get(from), offset).set(into === "value" ? value : choice);
    });
  };
  const store = (group: Group, to: Local, from: "value" | "choice"): void => {
    forEachVector(group, (value, choice, offset) => {
      group.width.store(f.get(to).get(from === "value" ? value : choice), offset);
    });
  };
  const splat = (position: Local): void => {
    f.get(position).op("i32x4.splat").set(index);
  };

  switch (role) {
    case "sum":
    case "max":
    case "min": {
      const [identity, combine] = ({
        sum: [0, "f32x4.add"],
        max: [-Infinity, "f32x4.max"],
        min: [Infinity, "f32x4.min"],
      } as const)[role];
      return {
        start: (group) => fill(group, identity),
        cell: (group, cell) =>
          forEachVector(group, (value, _, offset) => {
            group.width.load(f.get(value).get(cell), offset).op(combine).set(value);
          }),
        finish: (group, window) => store(group, window, "value"),
      };
    }
    case "argMax":
    case "argMin":
      return {
        start: (group, _window, _positions, first) => {
          fill(group, role === "argMax" ? -Infinity : Infinity);
          forEachVector(group, (_, choice) => f.get(first).op("i32x4.splat").set(choice));
        },
        cell: (group, cell, position) => {
          splat(position);
          forEachVector(group, (best, choice, offset) => {
            group.width.load(f.get(cell), offset).set(x);
            // Strictly better, or the first NaN: so ties stay with the first.
            f.get(x).get(best).op(role === "argMax" ? "f32x4.gt" : "f32x4.lt");
            f.get(x).get(x).op("f32x4.ne").get(best).get(best).op("f32x4.eq").op("v128.and").op("v128.or").set(wins);
            f.get(x).get(best).get(wins).op("v128.bitselect").set(best);
            f.get(index).get(choice).get(wins).op("v128.bitselect").set(choice);
          });
        },
        finish: (group, window) => store(group, window, "choice"),
      };
    case "take":
      return {
        start: (group, _window, positions) => {
          fill(group, 0);
          load(group, positions, "choice");
        },
        cell: (group, cell, position) => {
          splat(position);
          forEachVector(group, (value, choice, offset) => {
            group.width.load(f.get(cell), offset).get(value).get(index).get(choice).op("i32x4.eq");
            f.op("v128.bitselect").set(value);
          });
        },
        finish: (group, window) => store(group, window, "value"),
      };
    case "spread":
    case "put":
      return {
        start: (group, window, positions) => {
          load(group, window, "value");
          if (role === "put") load(group, positions, "choice");
        },
        cell: (group, cell, position) => {
          if (role === "put") splat(position);
          forEachVector(group, (value, choice, offset) => {
            group.width.load(f.get(cell).get(cell), offset).get(value);
            if (role === "put") f.get(index).get(choice).op("i32x4.eq").op("v128.and");
            group.width.store(f.op("f32x4.add"), offset);
          });
        },
        finish: () => {},
      };
  }
}

/** The locals of one axis: the window's first cell, and the part of the window that is no padding. */
interface Range {
  readonly origin: Local;
  readonly first: Local;
  readonly count: Local;
  /** Bytes between neighbouring cells, and from the start of the axis to the first real cell. */
  readonly step: Local;
  readonly offset: Local;
  /** What a step adds to the position in the window. */
  readonly placeStep: Local;
}

function slide(f: FunctionBuilder, body: Body): void {
  const [cells, windows, positions, batch, channels] = parameters(5);
  const [at, real, start, target, choices, position] = newLocals(f, i32, 6);
  const parameter = (axis: number, field: typeof axisFields[number]): Local =>
    5 + axis * axisFields.length + axisFields.indexOf(field);
  const ranges = [0, 1, 2].map((): Range => {
    const [origin, first, count, step, offset, placeStep] = newLocals(f, i32, 6);
    return { origin, first, count, step, offset, placeStep };
  }) as [Range, Range, Range];
  const imageBytes = f.local(i32);

  // Bytes per cell along x, y and z, and per image.
  f.get(channels).i32(2).op("i32.shl").set(ranges[2].step);
  f.get(ranges[2].step).get(parameter(2, "input")).op("i32.mul").set(ranges[1].step);
  f.get(ranges[1].step).get(parameter(1, "input")).op("i32.mul").set(ranges[0].step);
  f.get(ranges[0].step).get(parameter(0, "input")).op("i32.mul").set(imageBytes);
  f.i32(1).set(ranges[2].placeStep).get(parameter(2, "window")).set(ranges[1].placeStep);
  f.get(parameter(1, "window")).get(parameter(2, "window")).op("i32.mul").set(ranges[0].placeStep);

  const overWindows = (axis: number, inside: () => void): void => {
    const { origin, first, count, step, offset } = ranges[axis]!;
    const left = f.local(i32);
    f.get(parameter(axis, "output")).set(left);
    f.i32(0).get(parameter(axis, "low")).op("i32.sub").set(origin);
    countDown(f, left, () => {
      // first = max(0, −origin), count = min(window, input − origin) − first
      f.i32(0).get(origin).op("i32.sub").set(first);
      f.i32(0).get(first).get(first).i32(0).op("i32.lt_s").op("select").set(first);
      const window = parameter(axis, "window");
      f.get(parameter(axis, "input")).get(origin).op("i32.sub").tee(count);
      f.get(window).get(count).get(window).op("i32.lt_s").op("select");
      f.get(first).op("i32.sub").set(count);
      f.get(origin).get(first).op("i32.add").get(step).op("i32.mul").set(offset);
      inside();
      advance(f, origin, parameter(axis, "stride"));
    });
  };
  /** Visits the real cells along an axis and those after it, from the address and the position in two locals on. */
  const overCells = (axis: number, cell: Local, place: Local, inside: (cell: Local, place: Local) => void): void => {
    const { count, step, placeStep } = ranges[axis]!;
    const [left, cellHere, placeHere] = newLocals(f, i32, 3);
    f.get(count).set(left).get(cell).set(cellHere).get(place).set(placeHere);
    countDown(f, left, () => {
      if (axis === 2) inside(cellHere, placeHere);
      else overCells(axis + 1, cellHere, placeHere, inside);
      advance(f, cellHere, step);
      advance(f, placeHere, placeStep);
    });
  };

  countDown(f, batch, () => {
    overWindows(0, () => {
      overWindows(1, () => {
        overWindows(2, () => {
          f.get(ranges[0].first).get(parameter(1, "window")).op("i32.mul").get(ranges[1].first).op("i32.add");
          f.get(parameter(2, "window")).op("i32.mul").get(ranges[2].first).op("i32.add").set(position);
          // A window of padding alone has no first cell: its position is 0.
          f.get(position).i32(0);
          for (const { count } of ranges) f.get(count).i32(0).op("i32.gt_s");
          f.op("i32.and").op("i32.and").op("select").set(position);
          f.get(cells);
          for (const { offset } of ranges) f.get(offset).op("i32.add");
          f.set(real);
          forEachGroup(f, groups, channels, at, (group) => {
            f.get(real).get(at).op("i32.add").set(start);
            f.get(windows).get(at).op("i32.add").set(target);
            f.get(positions).get(at).op("i32.add").set(choices);
            body.start(group, target, choices, position);
            overCells(0, start, position, (cell, place) => body.cell(group, cell, place));
            body.finish(group, target);
          });
          advance(f, windows, ranges[2].step);
          advance(f, positions, ranges[2].step);
        });
      });
    });
    advance(f, cells, imageBytes);
  });
}
