import {
  type AdamOptions,
  adafactor,
  adafactorAsPrinted,
  adam,
  adamAsPrinted,
  adamw,
  type FisherOptions,
  fadafactor,
  fadam,
  laprop,
  type Optimizer,
  sgd,
} from "../src/index.ts";

/** A configuration of the golden file: the class and keyword arguments of the program that wrote it. */
export interface Configuration {
  readonly class: string;
  readonly kw: Readonly<Record<string, unknown>>;
}

/** Takes keyword arguments one by one and complains about those that nobody asked for. */
class Arguments {
  private readonly rest: Map<string, unknown>;

  constructor(kw: Readonly<Record<string, unknown>>) {
    this.rest = new Map(Object.entries(kw));
  }

  take<T>(name: string, otherwise: T): T {
    const value = this.rest.has(name) ? this.rest.get(name) : otherwise;
    this.rest.delete(name);
    return value as T;
  }

  finish(): void {
    if (this.rest.size > 0) throw new Error(`unknown arguments: ${[...this.rest.keys()].join(", ")}`);
  }
}

/** Our optimizer for a configuration of PyTorch, whose defaults are filled in. */
export function torchOptimizer({ class: name, kw }: Configuration): Optimizer {
  const args = new Arguments(kw);
  const optimizer = torchClass(name, args);
  args.finish();
  return optimizer;
}

function torchClass(name: string, args: Arguments): Optimizer {
  switch (name) {
    case "SGD":
      return sgd({
        learningRate: args.take("lr", 1e-3),
        momentum: args.take("momentum", 0),
        dampening: args.take("dampening", 0),
        nesterov: args.take("nesterov", false),
        weightDecay: args.take("weight_decay", 0),
      });
    case "Adam":
      return adam(adamOptions(args, 0));
    case "AdamW":
      return adamw(adamOptions(args, 0.01));
    case "Adafactor":
      return adafactor({
        learningRate: args.take("lr", 1e-2),
        decayExponent: -args.take("beta2_decay", -0.8),
        clip: args.take("d", 1),
        weightDecay: args.take("weight_decay", 0),
      });
    default:
      throw new Error(`no optimizer for torch's ${name}`);
  }
}

function adamOptions(args: Arguments, weightDecay: number): AdamOptions {
  const [beta1, beta2] = args.take("betas", [0.9, 0.999]) as [number, number];
  return {
    learningRate: args.take("lr", 1e-3),
    beta1,
    beta2,
    epsilon: args.take("eps", 1e-8),
    weightDecay: args.take("weight_decay", weightDecay),
    amsgrad: args.take("amsgrad", false) ? "raw" : false,
  };
}

/** Our optimizer for a configuration of Optax. */
export function optaxOptimizer({ class: name, kw }: Configuration): Optimizer {
  if (name !== "amsgrad") throw new Error(`no optimizer for Optax's ${name}`);
  const args = new Arguments(kw);
  const optimizer = adam({ learningRate: args.take("lr", 1e-3), amsgrad: "corrected" });
  args.finish();
  return optimizer;
}

/** Our optimizer for a configuration of the transcription of the paper, and the sign its gradients come with. */
export function paperOptimizer({ class: name, kw }: Configuration): {
  readonly optimizer: Optimizer;
  readonly sign: 1 | -1;
} {
  const args = new Arguments(kw);
  // The printed algorithms take the gradient of log P and yet subtract: they ascend the loss.
  const sign = args.take<string>("sign", "descent") === "literal" ? -1 : 1;
  const optimizer = paperClass(name, args);
  args.finish();
  return { optimizer, sign };
}

function paperClass(name: string, args: Arguments): Optimizer {
  switch (name) {
    case "FAdam":
      return fadam(fisherOptions(args));
    case "FAdafactor":
      // Sums or means of the rows and columns: their ratio, and so the estimate, is the same.
      args.take("reduce", "sum");
      return fadafactor(fisherOptions(args));
    case "AdamPrinted":
      return adamAsPrinted({
        learningRate: args.take("lr", 1e-3),
        recursion: args.take("recursion", "literal"),
        clip: args.take<number | null>("c", 1),
        weightDecay: args.take("lam", 1e-3),
      });
    case "AdafactorPrinted":
      return adafactorAsPrinted({
        learningRate: args.take("lr", 1e-3),
        clip: args.take<number | null>("c", 1),
        weightDecay: args.take("lam", 1e-3),
        decayTimesLearningRate: args.take("lam_times_lr", false),
      });
    case "LaProp":
      return laprop({ learningRate: args.take("lr", 4e-4), epsilon: args.take("eps", 1e-15) });
    default:
      throw new Error(`no optimizer for the paper's ${name}`);
  }
}

function fisherOptions(args: Arguments): FisherOptions {
  const epsilon = args.take("eps", 1e-8);
  const epsilonMode = args.take<string>("eps_mode", "v2");
  const epsilon2 = args.take("eps2", 1e-4);
  // Neither the first value of the Fisher estimate nor the form of its bias correction shows in the trajectory.
  args.take("f0", 1);
  args.take("beta2_form", "literal");
  return {
    learningRate: args.take("lr", 1e-3),
    beta1: args.take("b1", 0.9),
    beta2: args.take("b2", 0.999),
    epsilon,
    epsilon2: { v2: epsilon2, fixed: Infinity, v3: epsilon, "lessw-head": epsilon }[epsilonMode]!,
    epsilonBound: epsilonMode === "lessw-head" ? "max" : "min",
    epsilonExponent: args.take("eps_exponent", "2rho"),
    clip: args.take<number | null>("c", 1),
    clipForm: args.take<string>("clip_form", "paper") === "impl-bug" ? "multiplier" : "threshold",
    weightDecay: args.take("lam", 1e-3),
    rho: args.take("rho", 0.5),
    momentumBias: args.take("m_bias_correction", false),
    decayForm: args.take("wd_form", "natural"),
    zeroDivision: args.take("zero_div", "ieee"),
  };
}
