/** Exactly the same type, `readonly` included. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only when the two types are the same: `same<Broadcast<[2, 1], [3]>, [2, 3]>()`. */
export declare function same<Actual, Expected>(
  ...proof: Equal<Actual, Expected> extends true ? [] : [error: "the types differ"]
): void;

/** Compiles only when the value has exactly the type: `expectType<Tensor<[2, 3]>>()(x)`. */
export declare function expectType<Expected>(): <Actual>(
  value: Actual,
  ...proof: Equal<Actual, Expected> extends true ? [] : [error: "the type of the value differs"]
) => void;
