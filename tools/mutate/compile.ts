/** Compiles all mutants of a source into it, each behind a switch. */

import ts from "typescript";
import { type Mutant, textOf } from "./mutants.ts";

export interface Compiled {
  readonly text: string;
  /** Mutants that are no change of an expression, and so have no place for a switch. */
  readonly apart: readonly Mutant[];
}

/** The switch asks for mutants by their number and what is added here. */
export function compile(path: string, source: string, mutants: readonly Mutant[], added: number): Compiled {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true);
  const places = Map.groupBy(mutants, (mutant) => placeOf(file, mutant));
  const written = (node: ts.Node): string => {
    let text = "";
    let at = node.getStart(file);
    ts.forEachChild(node, (child) => {
      text += source.slice(at, child.getStart(file)) + written(child);
      at = child.end;
    });
    text += source.slice(at, node.end);
    for (const mutant of ts.isSourceFile(node) ? [] : places.get(node) ?? []) {
      const changed = textOf(source, mutant).slice(node.getStart(file), node.end + changeOfLength(mutant));
      text = `(isOn(${mutant.number + added}) ? (${changed}) : (${text}))`;
    }
    return text;
  };
  const up = "../".repeat(path.split("/").length - 1);
  const head = `import { isOn, twins } from "${up}tools/mutate/switch.ts";\n`;
  return { text: head + written(file), apart: places.get(file) ?? [] };
}

function changeOfLength({ start, end, to }: Mutant): number {
  return to.length - (end - start);
}

/** The smallest expression around a change, or the whole file. */
function placeOf(file: ts.SourceFile, { start, end }: Mutant): ts.Node {
  const within = (node: ts.Node): ts.Node =>
    ts.forEachChild(node, (child) => child.getStart(file) <= start && end <= child.end ? within(child) : undefined) ??
      node;
  let node = within(file);
  while (!ts.isSourceFile(node) && !isReplaceable(node)) node = node.parent;
  return node;
}

/** Whether an expression may stand in parentheses here without a change of meaning. */
function isReplaceable(node: ts.Node): boolean {
  const { parent } = node;
  if (!ts.isExpression(node) || ts.isSpreadElement(node) || ts.isOmittedExpression(node)) return false;
  if (node.kind === ts.SyntaxKind.SuperKeyword || ts.isTypeNode(node) || ts.isTypeNode(parent)) return false;
  // What is called keeps its `this`, and the rest of `a?.b.c` is skipped with the start.
  if ("expression" in parent && parent.expression === node) {
    if (ts.isCallExpression(parent) || ts.isOptionalChain(parent) || ts.isExpressionWithTypeArguments(parent)) {
      return false;
    }
    if (ts.isNonNullExpression(parent)) return isReplaceable(parent);
  }
  if (("name" in parent && parent.name === node) || ("propertyName" in parent && parent.propertyName === node)) {
    return false;
  }
  if (ts.isBinaryExpression(parent) && parent.left === node) {
    const sign = parent.operatorToken.kind;
    return sign < ts.SyntaxKind.FirstAssignment || sign > ts.SyntaxKind.LastAssignment;
  }
  const counts = ts.isPostfixUnaryExpression(parent) || ts.isPrefixUnaryExpression(parent);
  return !(counts &&
    (parent.operator === ts.SyntaxKind.PlusPlusToken || parent.operator === ts.SyntaxKind.MinusMinusToken));
}
