/** Mutants of a source: the rules of its primitives with one token changed, found by text alone. */

export interface Mutant {
  readonly path: string;
  readonly line: number;
  readonly change: string;
  /** The name of the primitive whose rule changed, where the rule is of one alone. */
  readonly primitive: string | null;
  /** The whole changed source. */
  readonly text: string;
}

/** What is replaced by what; each occurrence in a rule is one mutant. */
const rewrites: readonly (readonly [RegExp, string])[] = [
  [/\bmul\(/g, "div("],
  [/\bdiv\(/g, "mul("],
  [/\badd\(/g, "sub("],
  [/\bsub\(/g, "add("],
  [/\bneg\(/g, "("], // a sign
  [/=> g(?=[),])/g, "=> mul(g, 2)"], // a factor
  [/\bmul\(g, /g, "mul(mul(g, 2), "],
  [/\bsin\(/g, "cos("],
  [/\bcos\(/g, "sin("],
  [/\bsinh\(/g, "cosh("],
  [/\bsquare\(/g, "("],
  [/\(g, a, b\)/g, "(g, b, a)"], // swapped arguments
  [/\(g, x, y\)/g, "(g, y, x)"],
  [/\bspread\(g, /g, "spread(mul(g, 2), "],
  [/\bmul\(t, /g, "mul(mul(t, 2), "],
  [/, shares\(x!, y!, axes\)(?=\))/g, ", 1"], // a dropped term
  [/\baxis \+ 1\b/g, "axis"], // a wrong axis
  [/\bi \+ 1\b/g, "i"],
  [/\bdropAxes\(x!?\.shape, (?:axes|\[axis\])\)/g, "x!.shape"], // a wrong shape
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  [/, 1(?=[,)])/g, ", 2"],
  [/\b0\.5\b/g, "1"],
];

interface Rule {
  readonly start: number;
  readonly end: number;
  readonly primitive: string | null;
}

/** The private declarations that speak of a cotangent `g` or declare a primitive. */
function rules(source: string): Rule[] {
  return [...source.matchAll(/^(?:const|function) [\s\S]*?^(?=\n|const|function|export|\/\*\*)/gm)].flatMap(
    (match): Rule[] => {
      const [text] = match;
      if (!/\bg\b|\bderivative:/.test(text)) return [];
      const primitive = /^const \w+P = \w+(?:<[^>]*>)?\(\{?\s*(?:name: )?"(\w+)"/.exec(text)?.[1] ?? null;
      return [{ start: match.index, end: match.index + text.length, primitive }];
    },
  );
}

export function mutantsOf(path: string, source: string): Mutant[] {
  return rules(source).flatMap(({ start, end, primitive }) =>
    rewrites.flatMap(([from, to]) =>
      [...source.slice(start, end).matchAll(from)].flatMap((match): Mutant[] => {
        const at = start + match.index;
        const before = source.slice(source.lastIndexOf("\n", at) + 1, at);
        // Comments, and the scalar expression: that is the value, not a rule.
        if (before.includes("//") || source.slice(at - 2, at) === "s.") return [];
        const needed = /(\w+)\($/.exec(to)?.[1] ?? /=> (\w+)\(/.exec(to)?.[1];
        if (needed !== undefined && !new RegExp(`\\b${needed}\\b`).test(source)) return [];
        const line = source.slice(0, at).split("\n").length;
        const text = source.slice(0, at) + to + source.slice(at + match[0].length);
        return [{
          path,
          line,
          primitive,
          text,
          change: `${primitive === null ? "" : `${primitive}: `}\`${match[0].trim()}\` to \`${to.trim()}\``,
        }];
      })
    )
  );
}

/** The public functions of a source. */
export function namesOf(source: string): string[] {
  return [...source.matchAll(/^export function (\w+)/gm)].map((match) => match[1]!);
}
