/**
 * Random numbers from keys: every draw is a pure function of a key, the same on every device. The bits are those of
 * JAX 0.5 and later. Importing this installs the CPU.
 *
 * @module
 */

import "../../cpu/install.ts";

export { bernoulli, type BernoulliOptions, categorical, type CategoricalOptions } from "./categorical.ts";
export { choice, type ChoiceOptions, multinomial } from "./choice.ts";
export { exponential, gumbel, laplace } from "./exponential.ts";
export { permutation, randint, type RandintOptions } from "./integers.ts";
export { foldIn, key, type Keys, keys, split } from "./key.ts";
export { normal } from "./normal.ts";
export { truncatedNormal, type TruncatedNormalOptions } from "./truncated.ts";
export { bits, type FloatOptions, uniform, type UniformOptions } from "./uniform.ts";
