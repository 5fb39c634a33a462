/** Equality of settings, as equality of strings. */

/** Writes values as strings that are equal exactly where the values are, by the rules of {@linkcode write}. */
export class StructuralKeys {
  readonly #numbers = new Map<unknown, number>();

  /** Numbers by `Object.is`, arrays and plain objects by what they hold, all others by identity: tensors, functions. */
  write(value: unknown): string {
    switch (typeof value) {
      case "number":
        return Object.is(value, -0) ? "-0" : `${value}`;
      case "string":
        return JSON.stringify(value);
      case "boolean":
      case "undefined":
        return `${value}`;
      case "bigint":
        return `${value}n`;
      case "object": {
        if (value === null) return "null";
        if (Array.isArray(value)) return `[${value.map((child) => this.write(child)).join()}]`;
        if (Object.getPrototypeOf(value) !== Object.prototype) return this.identity(value);
        return `{${
          Object.entries(value).map(([name, child]) => `${JSON.stringify(name)}:${this.write(child)}`).join()
        }}`;
      }
      default:
        return this.identity(value);
    }
  }

  identity(value: unknown): string {
    let number = this.#numbers.get(value);
    if (number === undefined) this.#numbers.set(value, number = this.#numbers.size);
    return `#${number}`;
  }
}
