/** Mutants of a source: its rules with one thing changed, where the result still has the right types. */

import ts from "typescript";

export interface Mutant {
  readonly path: string;
  /** Its place among all mutants of the file. */
  readonly number: number;
  readonly line: number;
  /** The operation whose declaration changed, where it is of one alone. */
  readonly owner: string | null;
  /** What of the source is replaced, where it stands, and by what. */
  readonly from: string;
  readonly start: number;
  readonly end: number;
  readonly to: string;
}

interface Edit {
  readonly at: ts.Node;
  readonly from: string;
  readonly to: string;
  readonly start: number;
  readonly end: number;
}

const operators: Readonly<Record<string, string>> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "&&": "||",
  "||": "&&",
  "+=": "-=",
};

/** Functions that are mistaken for each other, by the module they are from. */
const pairs = {
  arithmetic: [["add", "sub"], ["mul", "div"], ["maximum", "minimum"], ["floor", "ceil"]],
  logic: [["less", "lessEqual"], ["greater", "greaterEqual"], ["logicalAnd", "logicalOr"], ["equal", "notEqual"]],
  functions: [["sin", "cos"], ["sinh", "cosh"]],
  methods: [["findIndex", "findLastIndex"], ["some", "every"], ["min", "max"], ["floor", "ceil"]],
};
const mistaken = new Map(
  Object.values(pairs).flat().flatMap((pair) => [pair, pair.toReversed()]) as [string, string][],
);

/** Imports what a mutant names as `twins`, for the check of its types. */
function importFor(code: string, path: string): string {
  const name = /\btwins\.(\w+)/.exec(code)?.[1];
  const module = Object.entries(pairs).find(([, list]) => list.flat().includes(name ?? ""))?.[0];
  const up = "../".repeat(path.split("/").length - 1);
  return module === undefined ? "" : `import * as twins from "${up}ops/${module}.ts";\n`;
}

const symmetric =
  /^(add|mul|maximum|minimum|logicalAnd|logicalOr|equal|notEqual|sameShape|broadcastShapes|Math\.(min|max))$/;

/** What is no rule: types, names, kernels, scalar expressions, checks of arguments and what they say. */
function isNoRule(node: ts.Node): boolean {
  if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isThrowStatement(node)) return true;
  if (ts.isTemplateExpression(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return true;
  if (ts.isIfStatement(node)) return node.elseStatement === undefined && endsInThrow(node.thenStatement);
  if (ts.isForOfStatement(node)) return statementsOf(node.statement).every(isNoRule);
  if (ts.isVariableStatement(node)) return isForCheck(node);
  if (ts.isPropertyAssignment(node) || ts.isMethodDeclaration(node)) {
    return /^(name|kernel|kind)$/.test(node.name.getText());
  }
  if (ts.isFunctionDeclaration(node)) return /^Scalar\b/.test(node.type?.getText() ?? "");
  if (ts.isExpressionStatement(node)) return /^check/.test(node.getText());
  if (ts.isCallExpression(node)) return /^(s\.\w+|toTensor)$/.test(node.expression.getText());
  const { parent } = node;
  return ts.isCallExpression(parent) && parent.expression.getText() === "pointwise" && parent.arguments[1] === node;
}

function statementsOf(node: ts.Node): readonly ts.Statement[] {
  return ts.isBlock(node) ? node.statements : ts.isStatement(node) ? [node] : [];
}

function endsInThrow(node: ts.Statement): boolean {
  const last = statementsOf(node).at(-1);
  return last !== undefined && ts.isThrowStatement(last);
}

/** Whether checks alone use what is declared here. */
function isForCheck(node: ts.VariableStatement): boolean {
  const name = node.declarationList.declarations[0]!.name.getText();
  if (!ts.isBlock(node.parent) || !/^\w+$/.test(name)) return false;
  const uses = node.parent.statements.filter((other) =>
    other !== node && new RegExp(`\\b${name}\\b`).test(other.getText())
  );
  return uses.every((use) => ts.isIfStatement(use) && isNoRule(use));
}

function isLiteral(node: ts.Node): boolean {
  return ts.isNumericLiteral(node) ||
    (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.MinusToken &&
      ts.isNumericLiteral(node.operand));
}

function isCondition(node: ts.Node): boolean {
  const { parent } = node;
  return (ts.isIfStatement(parent) && parent.expression === node) ||
    (ts.isConditionalExpression(parent) && parent.condition === node);
}

function replaced(at: ts.Node, to: string): Edit {
  return { at, from: at.getText(), to, start: at.getStart(), end: at.getEnd() };
}

function swapped(list: readonly ts.Node[]): Edit[] {
  return list.slice(1).flatMap((b, i): Edit[] => {
    const a = list[i]!;
    if (ts.isOmittedExpression(a) || ts.isOmittedExpression(b) || a.getText() === b.getText()) return [];
    const [from, to] = [`${a.getText()}, ${b.getText()}`, `${b.getText()}, ${a.getText()}`];
    return [{ at: a, from, to, start: a.getStart(), end: b.getEnd() }];
  });
}

/** An object spread out, without one of the properties that replace some of it. */
function withoutOverrides(node: ts.ObjectLiteralExpression): Edit[] {
  const { properties } = node;
  if (!properties.some(ts.isSpreadAssignment)) return [];
  return properties.filter((property) => !ts.isSpreadAssignment(property)).map((property) =>
    replaced(node, `{ ${properties.filter((other) => other !== property).map((other) => other.getText()).join(", ")} }`)
  );
}

/** The string that stands here, as another of those that may. */
function otherString(node: ts.StringLiteral, checker: ts.TypeChecker): Edit[] {
  const type = checker.getContextualType(node);
  const values = (type?.isUnion() ? type.types : []).flatMap((t) => (t.isStringLiteral() ? [t.value] : []));
  const other = values[(values.indexOf(node.text) + 1) % values.length];
  return other === undefined || other === node.text ? [] : [replaced(node, `"${other}"`)];
}

function ofCall(node: ts.CallExpression): Edit[] {
  const { expression: callee, arguments: args } = node;
  const name = ts.isPropertyAccessExpression(callee) ? callee.name : callee;
  const receiver = ts.isPropertyAccessExpression(callee) ? [callee.expression] : [];
  const mistake = mistaken.get(name.getText());
  return [
    ...(mistake === undefined ? [] : [replaced(name, receiver.length === 0 ? `twins.${mistake}` : mistake)]),
    ...(symmetric.test(callee.getText()) ? [] : swapped(args)),
    ...[...receiver, ...args].filter((part) => !ts.isSpreadElement(part) && !ts.isFunctionLike(part))
      .map((part) => replaced(node, part.getText())),
  ];
}

/** A linear map of g or t, doubled. */
function ofMap(node: ts.SignatureDeclaration): Edit[] {
  const first = node.parameters[0]?.name.getText();
  if ((first !== "g" && first !== "t") || node.parameters[0]?.initializer) return [];
  const double = (result: ts.Expression): Edit[] =>
    (ts.isArrayLiteralExpression(result) ? [...result.elements] : [result])
      .map((value) => replaced(value, `twins.mul(${value.getText()}, 2)`));
  const body = (node as ts.FunctionLikeDeclaration).body;
  if (body === undefined) return [];
  if (!ts.isBlock(body)) return double(ts.isParenthesizedExpression(body) ? body.expression : body);
  const last = body.statements.at(-1);
  return last !== undefined && ts.isReturnStatement(last) && last.expression ? double(last.expression) : [];
}

function ofBinary(node: ts.BinaryExpression): Edit[] {
  const { left, operatorToken: operator, right } = node;
  const sign = operator.getText();
  if (/^[+-]$/.test(sign) && isLiteral(right)) return [replaced(node, left.getText())];
  if (sign === "??") return [replaced(node, right.getText())];
  if (/^[!=]==$/.test(sign) && isCondition(node)) return [];
  return operators[sign] === undefined ? [] : [replaced(operator, operators[sign])];
}

function editsAt(node: ts.Node, checker: ts.TypeChecker): Edit[] {
  if (ts.isExpression(node) && isCondition(node)) {
    return [replaced(node, "true"), replaced(node, "false"), ...inside(node, checker)];
  }
  return inside(node, checker);
}

function inside(node: ts.Node, checker: ts.TypeChecker): Edit[] {
  if (isLiteral(node)) {
    return [replaced(node, String(Number(node.getText()) + (node.getText().startsWith("-") ? -1 : 1)))];
  }
  if (ts.isPrefixUnaryExpression(node)) return [replaced(node, node.operand.getText())];
  if (ts.isBinaryExpression(node)) return ofBinary(node);
  if (ts.isStringLiteral(node)) return otherString(node, checker);
  if (ts.isCallExpression(node)) return ofCall(node);
  if (ts.isArrayLiteralExpression(node) && node.elements.every(ts.isStringLiteral)) return [];
  if (ts.isArrayLiteralExpression(node) || ts.isArrayBindingPattern(node)) return swapped(node.elements);
  if (ts.isObjectLiteralExpression(node)) return withoutOverrides(node);
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [replaced(node, "false")];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [replaced(node, "true")];
  return ts.isFunctionLike(node) ? ofMap(node) : [];
}

function edits(node: ts.Node, checker: ts.TypeChecker): Edit[] {
  if (isNoRule(node)) return [];
  const found = editsAt(node, checker);
  if (!isLiteral(node)) ts.forEachChild(node, (child) => void found.push(...edits(child, checker)));
  return found;
}

/** The name of an exported function, or that a primitive is declared with. */
function ownerOf(statement: ts.Statement): string | null {
  if (ts.isFunctionDeclaration(statement)) return statement.name?.text ?? null;
  return /^const \w+P\b[\s\S]*?(?:name: |\w\()"(\w+)"/.exec(statement.getText().replace(/^export /, ""))?.[1] ?? null;
}

const options: ts.CompilerOptions = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  allowImportingTsExtensions: true,
  noEmit: true,
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.esnext.d.ts", "lib.dom.d.ts"],
  types: [],
};

/** Those of the sources that have no type errors, each checked as a file beside the original. */
function wellTyped(path: string, sources: readonly string[]): boolean[] {
  const virtual = new Map(sources.map((text, i) => [path.replace(/\.ts$/, `.mutant${i}.ts`), text]));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (name) => virtual.has(name) || fileExists(name);
  host.readFile = (name) => virtual.get(name) ?? readFile(name);
  const program = ts.createProgram([...virtual.keys()], options, host);
  return [...virtual.keys()].map((name) => {
    const file = program.getSourceFile(name)!;
    return program.getSyntacticDiagnostics(file).length + program.getSemanticDiagnostics(file).length === 0;
  });
}

export function mutantsOf(path: string): Mutant[] {
  const program = ts.createProgram([path], options);
  const source = program.getSourceFile(path)!;
  const found = source.statements.flatMap((statement) =>
    edits(statement, program.getTypeChecker()).map(({ at, ...edit }) => ({
      path,
      line: source.getLineAndCharacterOfPosition(at.getStart()).line + 1,
      owner: ownerOf(statement),
      ...edit,
    }))
  );
  const unique = [...new Map(found.map((mutant) => [textOf(source.text, mutant), mutant])).values()];
  const right = wellTyped(
    path,
    unique.map((mutant) => `${textOf(source.text, mutant)}\n${importFor(mutant.to, path)}`),
  );
  return unique.filter((_, i) => right[i]).map((mutant, number) => ({ ...mutant, number }));
}

/** The whole changed source. */
export function textOf(source: string, { start, end, to }: Pick<Mutant, "start" | "end" | "to">): string {
  return `${source.slice(0, start)}${to}${source.slice(end)}`;
}

/** The public functions of a source. */
export function namesOf(source: string): string[] {
  return [...source.matchAll(/^export function (\w+)/gm)].map((match) => match[1]!);
}
