/**
 * Opens pages in Chromium, asks each a question and prints the answers: what tests/browser.ts starts with permissions
 * of its own. `deno run browser_child.ts CHROMIUM ORIGIN < questions`, both as JSON.
 */

import { chromium } from "playwright-core";
import type { Question } from "./browser.ts";

const [executablePath, origin] = Deno.args as [string, string];
const questions: readonly Question[] = await new Response(Deno.stdin.readable).json();

const browser = await chromium.launch({ executablePath, args: ["--enable-unsafe-webgpu"] });
try {
  const answers: unknown[] = [];
  for (const { path, expression } of questions) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(`${path}: ${error}`));
    await page.goto(origin + path);
    answers.push(await page.evaluate(expression));
    await page.close();
  }
  console.log(JSON.stringify(answers));
} finally {
  await browser.close();
}
