/**
 * A lint plugin: a comparison of tensors is a tensor, which JavaScript takes for true. Lint plugins see no types, only
 * syntax, so it finds what is certain: a call of one of our comparisons directly where a boolean is wanted.
 *
 * Yours with `"lint": { "plugins": ["<path or URL of this file>"] }` in deno.json.
 */

/** Exports of the library that return bool tensors. */
const comparisons: ReadonlySet<string> = new Set([
  ...["less", "lessEqual", "greater", "greaterEqual", "equal", "notEqual"],
  ...["isNaN", "isInf", "isFinite", "logicalAnd", "logicalOr", "logicalXor", "logicalNot", "all", "any"],
]);

/** The package by name or URL, its entry files and, inside it, the files of those functions. */
const ours = /@pullback\/pullback|\bpullback\b.*\.ts$|(?:^|\/)(?:mod|logic|reduction)\.ts$/;

const plugin: Deno.lint.Plugin = {
  name: "pullback",
  rules: {
    "tensor-condition": {
      create(context): Deno.lint.LintVisitor {
        const functions = new Map<string, string>();
        const namespaces = new Set<string>();

        /** The library's name of the comparison that an expression calls. */
        function comparisonIn(node: Deno.lint.Expression): string | null {
          if (node.type !== "CallExpression") return null;
          const { callee } = node;
          if (callee.type === "Identifier") return functions.get(callee.name) ?? null;
          if (callee.type !== "MemberExpression" || callee.object.type !== "Identifier") return null;
          if (!namespaces.has(callee.object.name) || callee.property.type !== "Identifier") return null;
          return comparisons.has(callee.property.name) ? callee.property.name : null;
        }

        function check(test: Deno.lint.Expression | null | undefined): void {
          // The left side of a logical expression is a condition wherever it stands; the right one only in a condition.
          if (test?.type === "LogicalExpression" && test.operator !== "??") return check(test.right);
          const name = test ? comparisonIn(test) : null;
          if (!test || name === null) return;
          context.report({
            node: test,
            message: `${name}() returns a tensor, which is always true as a condition`,
            hint: "Read it with .item(), or choose element by element with where()",
          });
        }

        return {
          ImportDeclaration({ source, specifiers }): void {
            if (!ours.test(source.value)) return;
            for (const specifier of specifiers) {
              if (specifier.type === "ImportNamespaceSpecifier") namespaces.add(specifier.local.name);
              if (specifier.type !== "ImportSpecifier" || specifier.imported.type !== "Identifier") continue;
              const { name } = specifier.imported;
              if (comparisons.has(name)) functions.set(specifier.local.name, name);
            }
          },
          IfStatement: ({ test }) => check(test),
          WhileStatement: ({ test }) => check(test),
          DoWhileStatement: ({ test }) => check(test),
          ForStatement: ({ test }) => check(test),
          ConditionalExpression: ({ test }) => check(test),
          LogicalExpression({ operator, left }): void {
            if (operator !== "??") check(left);
          },
          UnaryExpression({ operator, argument }): void {
            if (operator === "!") check(argument);
          },
        };
      },
    },
  },
};

export default plugin;
