/**
 * Convolution and its gradient by the input as one thing, a gather: each cell of a target sums taps, which are cells of
 * a source, padded with zeros, times positions of the kernel. Here it is laid out axis by axis.
 */

/** What a convolution is along one spatial axis. */
export interface ConvAxis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: readonly [number, number];
}

/**
 * Part of a gather along one axis: the target's cells `target + i·targetStep`, i < `count`, whose tap t is the padded
 * source's cell `source + i·sourceStep + t·tapStep` at the kernel's position `positions[t]`.
 */
export interface GatherAxis {
  readonly count: number;
  readonly target: number;
  readonly targetStep: number;
  readonly source: number;
  readonly sourceStep: number;
  readonly positions: readonly number[];
  readonly tapStep: number;
}

/** A whole gather along one axis: the parts, which write every target cell once, and the padding that their source needs. */
export interface AxisPlan {
  readonly size: number;
  readonly low: number;
  readonly high: number;
  readonly parts: readonly GatherAxis[];
}

/** The output gathers from the input. */
export function forwardAxis({ input, output, kernel, stride, dilation, padding }: ConvAxis): AxisPlan {
  const part = {
    count: output,
    target: 0,
    targetStep: 1,
    source: 0,
    sourceStep: stride,
    positions: Array.from({ length: kernel }, (_, k) => k),
    tapStep: dilation,
  };
  return { size: input, low: padding[0], high: padding[1], parts: [part] };
}

/**
 * The input's gradient gathers from the output's: cell i got something from cell o by position k where
 * i + padding = o·stride + k·dilation. By the remainder of i + padding there are `stride` cases; in each the fitting
 * positions, taken downwards, have their cells o at even distances upwards.
 */
export function backwardAxis({ input, output, kernel, stride, dilation, padding }: ConvAxis): AxisPlan {
  const parts: GatherAxis[] = [];
  let [low, high] = [0, 0];
  for (let target = 0; target < Math.min(stride, input); target++) {
    const remainder = (target + padding[0]) % stride;
    const positions: number[] = [];
    for (let k = kernel - 1; k >= 0; k--) if ((k * dilation) % stride === remainder) positions.push(k);
    const count = Math.ceil((input - target) / stride);
    const [farthest, nearest] = [positions[0] ?? 0, positions.at(-1) ?? 0];
    const source = positions.length ? (target + padding[0] - farthest * dilation) / stride : 0;
    const tapStep = positions.length > 1 ? ((farthest - positions[1]!) * dilation) / stride : 1;
    if (positions.length) {
      low = Math.max(low, -source);
      high = Math.max(high, (target + padding[0] - nearest * dilation) / stride + count - output);
    }
    parts.push({ count, target, targetStep: stride, source, sourceStep: 1, positions, tapStep });
  }
  return { size: output, low, high, parts: parts.map((part) => ({ ...part, source: part.source + low })) };
}

/** One tap of a part, for those of its cells where the tap is not padding. */
export function realTap(plan: AxisPlan, part: GatherAxis, tap: number): GatherAxis {
  const source = part.source + tap * part.tapStep;
  const first = Math.max(0, Math.ceil((plan.low - source) / part.sourceStep));
  const end = Math.min(part.count, Math.ceil((plan.low + plan.size - source) / part.sourceStep));
  return {
    ...part,
    count: Math.max(0, end - first),
    target: part.target + first * part.targetStep,
    source: source + first * part.sourceStep,
    positions: [part.positions[tap]!],
  };
}
