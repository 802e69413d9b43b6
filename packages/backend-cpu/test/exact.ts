/**
 * Elementary functions of float64 numbers, in fixed point of 320 binary places on BigInt: the judge of functions whose
 * error is to be told in fractions of a unit in the last place. Arguments must not be larger than some thousands.
 */
export type Fixed = bigint;

const places = 320n;
const one: Fixed = 1n << places;

const float = new Float64Array(1);
const word = new BigUint64Array(float.buffer);

/** A float64 number, exactly (but for what is below 2^-320). */
export function fixed(x: number): Fixed {
  float[0] = x;
  const bits = word[0]!;
  const field = Number((bits >> 52n) & 0x7ffn);
  const fraction = (bits & (2n ** 52n - 1n)) | (field === 0 ? 0n : 2n ** 52n);
  const shift = places + BigInt(Math.max(field, 1) - 1075);
  const magnitude = shift >= 0n ? fraction << shift : fraction >> -shift;
  return bits >> 63n === 1n ? -magnitude : magnitude;
}

const mul = (x: Fixed, y: Fixed): Fixed => (x * y) >> places;
const div = (x: Fixed, y: Fixed): Fixed => (x << places) / y;
const abs = (x: Fixed): Fixed => (x < 0n ? -x : x);

function sqrt(x: Fixed): Fixed {
  if (x === 0n) return 0n;
  const square = x << places;
  let root = 1n << BigInt(Math.ceil(square.toString(2).length / 2));
  for (;;) {
    const next = (root + square / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function cbrt(x: Fixed): Fixed {
  if (x < 0n) return -cbrt(-x);
  if (x === 0n) return 0n;
  const cube = x << (2n * places);
  let root = 1n << BigInt(Math.ceil(cube.toString(2).length / 3));
  for (;;) {
    const next = (2n * root + cube / (root * root)) / 3n;
    if (next >= root) return root;
    root = next;
  }
}

/** Sums a series until its terms vanish. */
function series(
  first: Fixed,
  next: (term: Fixed, n: bigint) => Fixed,
  weight: (n: bigint) => bigint = () => 1n,
): Fixed {
  let sum = 0n;
  let term = first;
  for (let n = 0n; term !== 0n; n++) {
    sum += term / weight(n);
    term = next(term, n);
  }
  return sum;
}

/** e^x: the series on x / 2^12, then twelve squarings. */
function exp(x: Fixed): Fixed {
  if (x < 0n) return div(one, exp(-x));
  const halvings = 12n;
  const small = x >> halvings;
  let power = series(one, (term, n) => mul(term, small) / (n + 1n));
  for (let i = 0n; i < halvings; i++) power = mul(power, power);
  return power;
}

/** 2 (s + s^3 / 3 + ...), s = (x - 1) / (x + 1). */
function logNearOne(x: Fixed): Fixed {
  const s = div(x - one, x + one);
  const square = mul(s, s);
  return (
    2n *
    series(
      s,
      (term) => mul(term, square),
      (n) => 2n * n + 1n,
    )
  );
}

const ln2 = logNearOne(2n * one);

function log(x: Fixed): Fixed {
  const exponent = BigInt(x.toString(2).length) - 1n - places;
  const mantissa = exponent >= 0n ? x >> exponent : x << -exponent;
  return exponent * ln2 + logNearOne(mantissa);
}

/** The arctangent, of an argument that is halved until its series converges fast. */
function atan(x: Fixed): Fixed {
  if (x < 0n) return -atan(-x);
  if (x > one) return halfPi - atan(div(one, x));
  if (x > one >> 4n) return 2n * atan(div(x, one + sqrt(one + mul(x, x))));
  const square = mul(x, x);
  return series(
    x,
    (term) => -mul(term, square),
    (n) => 2n * n + 1n,
  );
}

/** Machin: pi / 4 = 4 atan(1/5) - atan(1/239). */
const halfPi: Fixed = 2n * (4n * atanOfReciprocal(5n) - atanOfReciprocal(239n));

function atanOfReciprocal(n: bigint): Fixed {
  return series(
    one / n,
    (term) => -term / (n * n),
    (i) => 2n * i + 1n,
  );
}

function sin(x: Fixed): Fixed {
  const turn = 4n * halfPi;
  let rest = x % turn;
  if (rest < 0n) rest += turn;
  const square = mul(rest, rest);
  return series(rest, (term, n) => -mul(term, square) / ((2n * n + 2n) * (2n * n + 3n)));
}

const cos = (x: Fixed): Fixed => sin(x + halfPi);

/** 2 / sqrt(pi) times the alternating series; its terms grow to e^(x^2), which the places leave room for up to 8. */
function erf(x: Fixed): Fixed {
  const square = mul(x, x);
  const sum = series(
    x,
    (term, n) => -mul(term, square) / (n + 1n),
    (n) => 2n * n + 1n,
  );
  return div(2n * sum, sqrt(2n * halfPi));
}

const asin = (x: Fixed): Fixed =>
  abs(x) === one ? (x > 0n ? halfPi : -halfPi) : atan(div(x, sqrt(one - mul(x, x))));
const sinh = (x: Fixed): Fixed => (exp(x) - exp(-x)) / 2n;
const cosh = (x: Fixed): Fixed => (exp(x) + exp(-x)) / 2n;
const sigmoid = (x: Fixed): Fixed => div(one, one + exp(-x));

/** The functions, by the names of the operations. */
export const exact: { readonly [name: string]: (x: Fixed, y: Fixed) => Fixed } = {
  exp,
  expm1: (x) => exp(x) - one,
  log,
  log1p: (x) => log(one + x),
  log2: (x) => div(log(x), ln2),
  sin,
  cos,
  tan: (x) => div(sin(x), cos(x)),
  asin,
  acos: (x) => halfPi - asin(x),
  atan,
  atan2: (y, x) => {
    if (x > 0n) return atan(div(y, x));
    if (x === 0n) return y > 0n ? halfPi : -halfPi;
    return atan(div(y, x)) + (y < 0n ? -2n : 2n) * halfPi;
  },
  sinh,
  cosh,
  tanh: (x) => div(sinh(x), cosh(x)),
  asinh: (x) => log(x + sqrt(mul(x, x) + one)),
  acosh: (x) => log(x + sqrt(mul(x, x) - one)),
  atanh: (x) => log(div(one + x, one - x)) / 2n,
  sigmoid,
  softplus: (x) => log(one + exp(x)),
  logSigmoid: (x) => log(sigmoid(x)),
  erf,
  erfc: (x) => one - erf(x),
  cbrt,
  pow: (x, y) => exp(mul(y, log(x))),
  rsqrt: (x) => div(one, sqrt(x)),
};

/** How far a float is from the true value, in units in the last place of that value's binade. */
export function errorInUlp(got: number, expected: Fixed, dtype: "float32" | "float64"): number {
  const [fraction, lowest] = dtype === "float32" ? [23n, -149n] : [52n, -1074n];
  const exponent = BigInt(abs(expected).toString(2).length) - 1n - places;
  const unit = exponent - fraction > lowest ? exponent - fraction : lowest;
  const scale = places + unit;
  // Relative to the unit with 20 more bits, which a number holds.
  const difference = abs(fixed(got) - expected) << 20n;
  return Number(scale >= 0n ? difference >> scale : difference << -scale) / 2 ** 20;
}
