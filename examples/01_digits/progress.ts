// The progress bar: on a terminal one line that keeps changing, elsewhere one plain line for each epoch.
import type { Step } from "./train.ts";

export interface ProgressBar {
  /** Tells of a step. Now and then it waits, so that the event loop turns: signals such as Ctrl-C are heard only then. */
  show(step: Step): Promise<void>;
  /** Ends the line of the bar, if there is one, so that other text can follow. */
  end(): void;
}

/** Sums over the part of an epoch that is done. */
interface Sums {
  readonly images: number;
  readonly loss: number;
  readonly accuracy: number;
}

const none: Sums = { images: 0, loss: 0, accuracy: 0 };
const redrawMs = 100;

export function progressBar(epochs: number): ProgressBar {
  const onTerminal = Deno.stdout.isTerminal();
  let sums = none;
  let epochStart = performance.now();
  let lastShown = epochStart;
  let lineIsOpen = false;
  function end(): void {
    if (lineIsOpen) console.log();
    lineIsOpen = false;
  }
  return {
    end,
    async show(step) {
      const isLast = step.stepOfEpoch === step.stepsPerEpoch;
      const now = performance.now();
      sums = include(sums, step);
      if (!isLast && now - lastShown < redrawMs) return;

      const figures = describe(sums, (now - epochStart) / 1000);
      if (onTerminal) draw(step, epochs, figures);
      else if (isLast) console.log(`${name(step, epochs)}  ${figures}`);
      lineIsOpen = onTerminal;
      if (isLast) end();

      await new Promise((resolve) => setTimeout(resolve));
      lastShown = performance.now();
      if (isLast) [sums, epochStart] = [none, lastShown];
    },
  };
}

function include({ images, loss, accuracy }: Sums, step: Step): Sums {
  return {
    images: images + step.images,
    loss: loss + step.images * step.loss,
    accuracy: accuracy + step.images * step.accuracy,
  };
}

function describe({ images, loss, accuracy }: Sums, seconds: number): string {
  return `loss ${(loss / images).toFixed(4)}  accuracy ${(100 * accuracy / images).toFixed(2).padStart(6)}%  ` +
    `${(images / seconds).toFixed(0).padStart(5)} images/s`;
}

function name({ epoch }: Step, epochs: number): string {
  return `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
}

/** Draws over the line. A line wider than the terminal would wrap and not be drawn over, so the bar gives way. */
function draw(step: Step, epochs: number, figures: string): void {
  const columns = Deno.consoleSize().columns || 80; // a terminal that does not know its width says 0
  const title = name(step, epochs);
  const cells = Math.min(30, columns - title.length - figures.length - 5);
  const filled = Math.round(cells * step.stepOfEpoch / step.stepsPerEpoch);
  const bar = cells > 0 ? `${"━".repeat(filled)}${"┄".repeat(cells - filled)}  ` : "";
  const line = `${title}  ${bar}${figures}`.slice(0, columns - 1);
  Deno.stdout.writeSync(new TextEncoder().encode(`\r${line}\x1b[K`));
}
