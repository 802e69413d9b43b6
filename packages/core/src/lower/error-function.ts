import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { lowerExp } from "./exponential.ts";
import { formatOf, type PerFormat, signOf, turnSign, upperHalf } from "./format.ts";
import { logOfNormal } from "./logarithm.ts";
import { constantsLike, polynomial } from "./polynomial.ts";

/** The error function, its complement and its inverse, for compiling backends. */

/** erf(x) / x - 1 in x^2 for |x| <= 1, minimax: off by 2^-29 and 2^-56. */
const erfSeries: PerFormat<readonly number[]> = {
  f32: [0.12837917, -0.37612626, 0.112835996, -0.026854403, 0.0051894453, -0.00080199575, 7.8859004e-5],
  f64: [
    0.12837916709551256, -0.37612638903183543, 0.11283791670945159, -0.026866170643260495,
    0.005223977607288809, -0.00085483259829987, 0.00012055295113593953, -1.4924740572883028e-5,
    1.6447465886626346e-6, -1.620876984103715e-7, 1.3721181505244794e-8, -7.797771102165013e-10,
  ],
};

/** Where the polynomials for erfc are centred. */
const centre: PerFormat<number> = { f32: 2, f64: 4 };

/** (x + c) e^(x^2) erfc(x) in (x - c) / (x + c) with the centre c, for x >= 0.49, minimax: off by 2^-28 and 2^-58. */
const erfcSeries: PerFormat<readonly number[]> = {
  f32: [
    1.0215827, -0.6871606, 0.27947187, -0.03644389, -0.021506032, 0.0064961025, 0.0030541732, -0.0009026998,
    -0.0005441533, 0.00012878109,
  ],
  f64: [
    1.095995661000491, -0.976548729080882, 0.773208702265236, -0.5408538313132352, 0.33085158787808333,
    -0.17401093723994318, 0.07638151490751215, -0.02637005333996435, 0.00611205567896452,
    -0.00028095887080885785, -0.00045505286036902023, 0.0001768128587035847, -3.6343370089019466e-6,
    -1.886106073003269e-5, 4.69189064868856e-6, 1.424635677410331e-6, -8.413482350733698e-7,
    -7.616952349496154e-8, 1.1846368637868295e-7, 1.3444802477687537e-9, -1.1785586770102463e-8,
  ],
};

/** Where erfc is 0. */
const erfcLimit: PerFormat<number> = { f32: 10.5, f64: 27.5 };

/** erf x for |x| <= 1. */
const erfOfSmall = (k: KernelBuilder, x: Expression): Expression =>
  k.fma(polynomial(k, k.mul(x, x), erfSeries), x, x);

/** erfc x for x >= 0.49. */
function erfcOfLarge(k: KernelBuilder, argument: Expression): Expression {
  const c = constantsLike(k, argument);
  const { type } = formatOf(argument);
  const x = k.min(argument, c(erfcLimit[type]));
  const reciprocal = k.div(c(1), k.add(x, c(centre[type])));
  const series = polynomial(k, k.fma(c(-2 * centre[type]), reciprocal, c(1)), erfcSeries);
  // The square of the upper half of x is exact; an error of x^2 would be one of the result times x^2.
  const upper = upperHalf(k, x);
  const low = k.mul(k.sub(upper, x), k.add(upper, x));
  const decay = lowerExp(k, k.neg(k.mul(upper, upper)), low);
  return k.mul(decay, k.mul(reciprocal, series));
}

export function lowerErf(k: KernelBuilder, x: Expression): Expression {
  const one = k.constant(1, x);
  const sign = signOf(k, x);
  const magnitude = turnSign(k, x, sign);
  const large = k.sub(one, erfcOfLarge(k, magnitude));
  return turnSign(k, k.select(k.lt(magnitude, one), erfOfSmall(k, magnitude), large), sign);
}

export function lowerErfc(k: KernelBuilder, x: Expression): Expression {
  const c = constantsLike(k, x);
  const magnitude = k.abs(x);
  const tail = erfcOfLarge(k, magnitude);
  const large = k.select(k.lt(x, c(0)), k.sub(c(2), tail), tail);
  return k.select(k.lt(magnitude, c(0.5)), k.sub(c(1), erfOfSmall(k, x)), large);
}

/**
 * erfinv(x) / x in w = -log(1 - x^2) up to a bound, and in sqrt(w) beyond, minimax, each about its centre (Giles,
 * "Approximating the erfinv function", 2010, chose these variables).
 */
interface InverseSeries {
  readonly bound: number;
  readonly centre: number;
  readonly series: readonly number[];
}

const inverse: PerFormat<{ readonly near: InverseSeries; readonly far: readonly InverseSeries[] }> = {
  f32: {
    near: {
      bound: 5,
      centre: 2.5,
      series: [
        1.5014094, 0.24664073, -0.0041777077, -0.0012537076, 0.00021860216, -4.3967643e-6, -3.5288524e-6,
        3.4372556e-7, 2.8534288e-8,
      ],
    },
    far: [
      {
        bound: 17,
        centre: 3,
        series: [
          2.832977, 1.0016742, 0.009435039, -0.0076262434, 0.0057655373, -0.003656545, 0.0012922524,
          8.25223e-5, -0.00015978218,
        ],
      },
    ],
  },
  f64: {
    near: {
      bound: 6.25,
      centre: 3.125,
      series: [
        1.653654562683103, 0.24015818242558948, -0.006033670871430704, -0.0007407025341652976,
        0.00018673420803638893, -1.3882523364914104e-5, -1.3654692038810558e-6, 4.2347878042064937e-7,
        -2.9070366798948477e-8, -4.1126351648763334e-9, 1.0512107452304641e-9, -5.41537266941206e-11,
        -1.2974673575023338e-11, 2.63342724345872e-12, -8.160796846199843e-14, -4.0534864571770815e-14,
        6.648596778680113e-15, 2.0101789004160905e-17, -1.3415742198063813e-16, 1.1197193350397344e-17,
        1.3222153402008918e-18, -1.692664405705946e-19, -4.323467848047751e-21,
      ],
    },
    far: [
      {
        bound: 16,
        centre: 3.25,
        series: [
          3.0838856104922208, 1.0052589676941572, 0.005370914553583465, -0.0037512085073771197,
          0.002491442096572767, -0.0016882755612185958, 0.0009532893686469656, -0.0003550374580151793,
          2.4031234142758205e-5, 6.828445829069137e-5, -4.731897242657461e-5, 1.2476700479964029e-5,
          2.9259933556097224e-6, -4.016673115015777e-6, 1.4977542174572772e-6, 2.1216062002545224e-8,
          -2.699954258483585e-7, 8.94620152094507e-8,
        ],
      },
      {
        bound: 38,
        centre: 5,
        series: [
          4.849906401408584, 1.0103004648645262, -0.00013871931839014702, -0.00021503011898265232,
          7.599527830221625e-5, -1.968178158197645e-5, 4.5260515461802325e-6, -9.929661260129298e-7,
          2.2905088084888397e-7, -6.775240679583707e-8, 2.904541382203218e-8, -1.4907644770053444e-8,
          7.740652670397781e-9, -3.823905634479698e-9, 1.4290811914218878e-9, -2.4653342754665293e-10,
          -7.171768284936008e-12,
        ],
      },
    ],
  },
};

/** The inverse of erf; its tails, where |x| is within some thousandths of 1, are seldom. */
export function lowerErfinv(k: KernelBuilder, x: Expression): Expression {
  const c = constantsLike(k, x);
  const { near, far } = inverse[formatOf(x).type];
  const w = k.neg(logOfNormal(k, k.mul(k.sub(c(1), x), k.add(c(1), x))));
  const root = k.sqrt(w);
  const at = (place: Expression, { series, centre: middle }: InverseSeries) =>
    polynomial(k, k.sub(place, c(middle)), series);
  const tail = far
    .map((piece) => ({ piece, value: at(root, piece) }))
    .reduce((before, next) => ({
      piece: next.piece,
      value: k.select(k.lt(w, c(before.piece.bound)), before.value, next.value),
    }));
  const magnitude = k.abs(x);
  const atEdges = k.select(k.eq(magnitude, c(1)), k.mul(x, c(Infinity)), c(Number.NaN));
  const isInside = k.lt(magnitude, c(1));
  const rare = k.select(isInside, k.mul(x, tail.value), atEdges);
  return k.rarely(k.not(k.and(isInside, k.lt(w, c(near.bound)))), rare, k.mul(x, at(w, near)));
}
