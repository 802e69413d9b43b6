import { ones, type random, random as randoms, ShapeError, scan, type Tensor, zeros } from "@amari/core";
import { checkSizes } from "./check-size.ts";
import { type Initialiser, leCunNormal } from "./initialisers.ts";

/** The parameters of {@link lstm}: maps to the gates input, forget, candidate and output, in this order. */
export interface LstmParams<Inputs extends number = number, Features extends number = number> {
  /** `[inputs, 4 features]`. */
  readonly input: Tensor<[Inputs, number]>;
  /** `[features, 4 features]`. */
  readonly recurrent: Tensor<[Features, number]>;
  /** `[4 features]`. */
  readonly bias: Tensor<[number]>;
}

/** What an {@link lstm} remembers, each `[...batch, features]`. */
export interface LstmState {
  /** The output of the last step. */
  readonly hidden: Tensor;
  /** The memory that the gates guard. */
  readonly cell: Tensor;
}

/** Options of {@link lstm}. */
export interface LstmOptions<Inputs extends number = number, Features extends number = number> {
  /** The size of the last axis of the inputs. */
  readonly inputs: Inputs;
  /** The size of the state, which is the output. */
  readonly features: Features;
  /** Makes both matrices. Default {@link leCunNormal}. */
  readonly initialise?: Initialiser;
}

/** A recurrent layer. */
export interface Lstm<Inputs extends number, Features extends number> {
  /** @throws ArgumentError, DTypeError, ShapeError where `key` is not one key or the dtype no float */
  init(key: Tensor, options?: random.FloatOption): LstmParams<Inputs, Features>;
  /** Zeros for sequences of the given batch shape. */
  initialState(batch: readonly number[], options?: random.FloatOption): LstmState;
  /** One step. @param x `[...batch, inputs]` */
  step(params: LstmParams<Inputs, Features>, state: LstmState, x: Tensor): LstmState;
  /**
   * All steps of a sequence, as one `scan`; the products with the inputs are one for all steps.
   *
   * @param xs `[time, ...batch, inputs]`
   * @param state where it begins; default {@link Lstm.initialState}
   * @returns the outputs `[time, ...batch, features]` and the last state
   * @throws ShapeError where the last axis is not of the size `inputs`
   */
  apply(
    params: LstmParams<Inputs, Features>,
    xs: Tensor,
    state?: LstmState,
  ): [outputs: Tensor, state: LstmState];
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000): of
 * `z = x input + h recurrent + bias` in four parts, the cell becomes `σ(forget) cell + σ(in) tanh(candidate)`, and the
 * output `σ(out) tanh(cell)`. The forget gate's bias begins at 1, so that a new network remembers.
 *
 * @example
 * const layer = lstm({ inputs: 32, features: 64 });
 * const [outputs, state] = layer.apply(layer.init(random.key(0)), xs); // [200, 16, 32] to [200, 16, 64]
 * @throws ArgumentError where a size is not a positive integer
 */
export function lstm<Inputs extends number, Features extends number>({
  inputs,
  features,
  initialise = leCunNormal,
}: LstmOptions<Inputs, Features>): Lstm<Inputs, Features> {
  checkSizes("lstm", { inputs, features });
  const width: number = 4 * features;

  const advance = ({ hidden, cell }: LstmState, recurrent: Tensor, projected: Tensor): LstmState => {
    const sums: Tensor = projected.add(hidden.matmul(recurrent));
    const all = sums.shape.slice(0, -1).map(() => null);
    const part = (i: number): Tensor => sums.slice(...all, [i * features, (i + 1) * features]);
    const candidate: Tensor = part(2).tanh();
    const next: Tensor = part(1).sigmoid().mul(cell).add(part(0).sigmoid().mul(candidate));
    return { hidden: part(3).sigmoid().mul(next.tanh()) as Tensor, cell: next };
  };

  const project = ({ input, bias }: LstmParams<Inputs, Features>, x: Tensor): Tensor => {
    if (x.shape.at(-1) !== inputs) {
      throw new ShapeError(`lstm: expected a last axis of ${inputs}, got the shape [${x.shape.join(", ")}]`);
    }
    return x.matmul(input as Tensor).add(bias) as Tensor;
  };

  const initialState = (batch: readonly number[], options?: random.FloatOption): LstmState => {
    const make = (): Tensor => zeros([...batch, features], options) as Tensor;
    return { hidden: make(), cell: make() };
  };

  return {
    init: (key, { dtype = "float32" } = {}) => {
      const [first, second] = randoms.keys(key) as Tensor[];
      const none: Tensor = zeros([width], { dtype });
      const forget: Tensor = ones([features], { dtype }).pad([[features, 2 * features]]);
      return {
        input: initialise(first!, [inputs, width], { dtype }),
        recurrent: initialise(second!, [features, width], { dtype }),
        bias: none.add(forget) as Tensor<[number]>,
      };
    },
    initialState,
    step: (params, state, x) => advance(state, params.recurrent as Tensor, project(params, x)),
    apply: (params, xs, given) => {
      const projected = project(params, xs);
      const first = given ?? initialState(xs.shape.slice(1, -1), { dtype: projected.dtype });
      const recurrent: Tensor = params.recurrent;
      const [state, outputs] = scan(
        (state: LstmState, x: Tensor) => {
          const next = advance(state, recurrent, x);
          return [next, next.hidden] as const;
        },
        first,
        projected,
      );
      return [outputs as Tensor, state];
    },
  };
}
