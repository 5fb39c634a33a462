// The learning curves as an SVG: loss and accuracy over the epochs, and the accuracy on the test images at the end.
import * as vega from "vega";
import * as lite from "vega-lite";
import type { Step } from "./train.ts";

/** Means over a group of steps, at the middle of the group. */
interface Point {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
}

type Layers = Extract<lite.TopLevelSpec, { layer: unknown }>["layer"];

const blue = "#3b6ea5";
const orange = "#c8500a";
const grey = "#555555";

/** Draws the curves, which needs no browser: vega writes the SVG as text. */
export async function learningCurves(history: readonly Step[], testAccuracy: number): Promise<string> {
  const thin = average(history, Math.ceil(history.length / 300));
  const thick = average(history, history[0]?.stepsPerEpoch ?? 1);
  const losses = {
    title: "Loss (cross entropy)",
    scale: { type: "log", nice: false },
    axis: { format: "~g", values: ticks(thin) },
  } as const;
  // The first steps, where one answer in ten is right, would squeeze what is worth seeing.
  const lowest = Math.floor(10 * Math.min(thick[0]?.accuracy ?? 0, testAccuracy)) / 10;
  const accuracies = { title: "Accuracy", scale: { domain: [lowest, 1] }, axis: { format: ".0%" } };
  const spec: lite.TopLevelSpec = {
    title: {
      text: "LeNet-5 learns handwritten digits",
      subtitle: "On shifted training images; thin lines are means of a few steps, thick lines of an epoch",
      fontSize: 17,
      subtitleColor: grey,
      subtitlePadding: 6,
      offset: 18,
    },
    hconcat: [
      { layer: curves("loss", thin, thick, losses) },
      { layer: [...curves("accuracy", thin, thick, accuracies), ...level(testAccuracy)] },
    ],
    spacing: 40,
    padding: 20,
    background: "white",
    config: {
      font: "Helvetica, Arial, sans-serif",
      title: { anchor: "start", frame: "group", fontWeight: "normal" },
      view: { continuousWidth: 370, continuousHeight: 260, stroke: null },
      axis: { gridColor: "#e8e8e8", domain: false, ticks: false, labelPadding: 6, titleFontWeight: "normal" },
      axisY: { titleAngle: 0, titleAlign: "left", titleBaseline: "bottom", titleX: 0, titleY: -10, titleFontSize: 13 },
      style: { "guide-label": { fill: grey }, "guide-title": { fill: grey } },
    },
  };
  return await new vega.View(vega.parse(lite.compile(spec).spec), { renderer: "none" }).toSVG();
}

function average(history: readonly Step[], size: number): Point[] {
  return Array.from({ length: Math.ceil(history.length / size) }, (_, i) => {
    const group = history.slice(i * size, (i + 1) * size);
    const mean = (value: (step: Step) => number) => group.reduce((sum, step) => sum + value(step), 0) / group.length;
    return {
      epoch: mean((step) => step.epoch - 1 + (step.stepOfEpoch - 0.5) / step.stepsPerEpoch),
      loss: Math.max(mean((step) => step.loss), 1e-7), // a loss of 0 has no logarithm
      accuracy: mean((step) => step.accuracy),
    };
  });
}

/** The numbers …, 0.1, 0.2, 0.5, 1, 2, 5, … in the range of the losses. */
function ticks(points: readonly Point[]): number[] {
  const losses = points.map(({ loss }) => loss);
  const [least, most] = [Math.min(...losses), Math.max(...losses)];
  const powers = Array.from({ length: 20 }, (_, i) => i - 10);
  return powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)))
    .filter((tick) => least <= tick && tick <= most);
}

function curves(field: "loss" | "accuracy", thin: readonly Point[], thick: readonly Point[], vertical: object): Layers {
  const x = { title: "epoch", scale: { domain: [0, thick.length] }, axis: { format: "d", tickMinStep: 1 } };
  const draw = (points: readonly Point[], look: object): Layers[number] => ({
    data: { values: [...points] },
    mark: { type: "line", color: blue, clip: true, ...look },
    encoding: {
      x: { field: "epoch", type: "quantitative", ...x },
      y: { field, type: "quantitative", ...vertical },
    },
  });
  return [
    draw(thin, { strokeWidth: 1, opacity: 0.45 }),
    draw(thick, { strokeWidth: 2.5, point: { color: blue, size: 30 } }),
  ];
}

/** A line across the panel at the accuracy on the test images, which is measured once, after the last epoch. */
function level(accuracy: number): Layers {
  const data = { values: [{ accuracy }] };
  const text = `test images, after the last epoch: ${(100 * accuracy).toFixed(2)}%`;
  return [
    {
      data,
      mark: { type: "rule", color: orange, strokeDash: [5, 4] },
      encoding: { y: { field: "accuracy", type: "quantitative" } },
    },
    {
      data,
      mark: { type: "text", text, color: orange, align: "right", baseline: "top", dx: -6, dy: 20 },
      encoding: { x: { value: "width" }, y: { field: "accuracy", type: "quantitative" } },
    },
  ];
}
