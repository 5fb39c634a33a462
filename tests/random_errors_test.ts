// What random numbers refuse, and in which words.
import { assertEquals, assertThrows } from "@std/assert";
import { ones, random, slice, type Tensor } from "../mod.ts";

Deno.test("random: errors", () => {
  const key = random.key(0);
  const cases: [f: () => unknown, type: new () => Error, message: string][] = [
    [() => random.key(0.5), TypeError, "key() takes a seed that is an integer below 2^53, got the number 0.5"],
    [
      () => random.key(2 ** 53),
      TypeError,
      "key() takes a seed that is an integer below 2^53, got the number 9007199254740992",
    ],
    [
      () => random.uniform(0 as unknown as Tensor, [2]),
      TypeError,
      "uniform() takes a key u32[2], got the number 0: make one with random.key()",
    ],
    [
      () => random.normal(ones([2]), [2]),
      TypeError,
      "normal() takes a key u32[2], got f32[2]: make one with random.key()",
    ],
    [
      () => random.bits(random.keys(key, 3), [2]),
      RangeError,
      "bits() takes a key u32[2], got u32[3,2]: map over several keys with vmap()",
    ],
    [
      () => random.split(slice(key, { stop: [1] })),
      RangeError,
      "split() takes a key u32[2], got u32[1]: make one with random.key()",
    ],
    [() => random.split(key, -1), RangeError, "split() makes a non-negative number of keys, got the number -1"],
    [() => random.keys(key, 1.5), RangeError, "keys() makes a non-negative number of keys, got the number 1.5"],
    [() => random.foldIn(key, 0.5), TypeError, "foldIn() takes an integer, got the number 0.5"],
    [() => random.foldIn(key, -1), RangeError, "foldIn() takes an integer from 0 to 2^32 - 1, got -1"],
    [() => random.foldIn(key, ones([])), TypeError, "foldIn() takes an integer, got f32[]"],
    [() => random.foldIn(key, key), RangeError, "foldIn() takes one integer, got u32[2]: map over it with vmap()"],
    [
      () => random.normal(key, 3 as unknown as number[]),
      TypeError,
      "normal() takes a shape as an array of sizes, got the number 3",
    ],
    [
      () => random.uniform(key, [-1]),
      RangeError,
      "uniform() cannot use the shape [-1]: sizes must be non-negative integers",
    ],
    [
      () => random.normal(key, [2], { dtype: "int32" as "float32" }),
      TypeError,
      'normal() draws "float32", "float64" or "float16", got the string "int32": cast() the result',
    ],
    [
      () => random.uniform(key, [2], { min: 1, max: 0 }),
      RangeError,
      "uniform() needs finite numbers min <= max, got min 1 and max 0",
    ],
    [
      () => random.uniform(key, [2], { max: Infinity }),
      RangeError,
      "uniform() needs finite numbers min <= max, got min 0 and max Infinity",
    ],
    [
      () => random.uniform(key, [2], { min: "0" as unknown as number }),
      TypeError,
      'uniform() takes min as a number or a tensor, got the string "0"',
    ],
    [
      () => random.uniform(key, [2, 3], { max: ones([2]) }),
      RangeError,
      "uniform() cannot stretch max f32[2] to the shape [2,3] of the draws",
    ],
    [
      () => random.uniform(key, [], { max: ones([2]) }),
      RangeError,
      "uniform() cannot stretch max f32[2] to the shape [] of the draws",
    ],
    [
      () => random.bernoulli(key, [2], { p: 1.5 }),
      RangeError,
      "bernoulli() needs a probability p between 0 and 1, got 1.5",
    ],
    [
      () => random.bernoulli(key, [2], { p: NaN }),
      RangeError,
      "bernoulli() needs a probability p between 0 and 1, got NaN",
    ],
    [
      () => random.bernoulli(key, [2], 0.3 as unknown as { p: number }),
      TypeError,
      "bernoulli() takes its options as an object, got the number 0.3",
    ],
    [
      () => random.randint(key, [2], { minval: 3, maxval: 3 }),
      RangeError,
      "randint() needs minval < maxval, got minval 3 and maxval 3",
    ],
    [
      () => random.randint(key, [2], { minval: 0.5, maxval: 3 }),
      TypeError,
      "randint() takes minval as an integer, got the number 0.5",
    ],
    [
      () => random.randint(key, [2], { minval: 0, maxval: ones([]) }),
      TypeError,
      "randint() takes maxval as an integer, got f32[]",
    ],
    [
      () => random.randint(key, [2], { minval: 0, maxval: 2 ** 31 }),
      RangeError,
      "randint() takes maxval in int32, got 2147483648",
    ],
    [
      () => random.permutation(key, 2.5),
      RangeError,
      "permutation() takes a non-negative integer or a tensor, got the number 2.5",
    ],
    [() => random.permutation(key, ones([])), RangeError, "permutation() needs an axis to permute, got f32[]"],
    [
      () => random.truncatedNormal(key, [2], { lower: 1, upper: 1 }),
      RangeError,
      "truncatedNormal() needs lower < upper, got lower 1 and upper 1",
    ],
    [
      () => random.truncatedNormal(key, [2], { lower: NaN }),
      RangeError,
      "truncatedNormal() needs lower < upper, got lower NaN and upper 2",
    ],
    [
      () => random.truncatedNormal(key, [2], { upper: ones([]) as unknown as number }),
      TypeError,
      "truncatedNormal() takes lower and upper as numbers, got a tensor",
    ],
    [
      () => random.gumbel(key, [2], { dtype: "bool" as "float32" }),
      TypeError,
      'gumbel() draws "float32", "float64" or "float16", got the string "bool": cast() the result',
    ],
    [
      () => random.laplace(ones([2]), [2]),
      TypeError,
      "laplace() takes a key u32[2], got f32[2]: make one with random.key()",
    ],
    [() => random.choice(key, -1), RangeError, "choice() needs n to be a non-negative integer, got -1"],
    [() => random.choice(key, 0), RangeError, "choice() cannot draw 1 of 0"],
    [() => random.choice(key, ones([])), RangeError, "choice() needs an axis to draw from, got f32[]"],
    [
      () => random.choice(key, 3, { shape: [2, 2], replace: false }),
      RangeError,
      "choice() cannot draw 4 of 3 without replacement",
    ],
    [
      () => random.choice(key, 3, { p: ones([2]) }),
      RangeError,
      "choice() needs one probability for each of 3, got f32[2]",
    ],
    [
      () => random.choice(key, 3, { p: [1, 2, 3] as unknown as Tensor }),
      TypeError,
      "choice() takes p as a tensor, got an array",
    ],
    [
      () => random.multinomial(key, 2.5, ones([2])),
      RangeError,
      "multinomial() needs n to be a non-negative integer, got 2.5",
    ],
    [
      () => random.multinomial(key, 2, ones([2, 2])),
      RangeError,
      "multinomial() needs one probability for each of the classes, got f32[2,2]",
    ],
    [
      () => random.multinomial(key, 2, ones([0])),
      RangeError,
      "multinomial() cannot choose from no classes, got f32[0]",
    ],
    [() => random.categorical(key, ones([])), RangeError, "categorical() needs an axis of classes, got f32[]"],
    [
      () => random.categorical(key, ones([3, 0])),
      RangeError,
      "categorical() cannot choose from no classes, got f32[3,0]",
    ],
    [
      () => random.categorical(key, ones([3, 2]), { shape: [3, 2] }),
      RangeError,
      "categorical() cannot draw [3,2] from logits f32[3,2]: the shape must end with [3]",
    ],
    [
      () => random.categorical(key, ones([3, 2]), { axis: 2 }),
      RangeError,
      "categorical() cannot use axis 2 of a tensor of rank 2: axes go from -2 to 1",
    ],
  ];
  for (const [f, type, message] of cases) {
    const error = assertThrows(f, type);
    assertEquals((error as Error).message, message);
  }
});
