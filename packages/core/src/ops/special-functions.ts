/** The scalar definitions of the special functions, in float64 to a few units in the last place. */

const rootPi = Math.sqrt(Math.PI);

/** The error function: for small arguments its Taylor series, else 1 - erfc. */
export function erf(x: number): number {
  const magnitude = Math.abs(x);
  if (x === 0) return x;
  if (magnitude < 1) return erfOfSmall(x)[0];
  return Number.isNaN(x) ? x : Math.sign(x) * (1 - erfc(magnitude));
}

/** A number as an unevaluated sum, the second part being less than half a unit in the last place of the first. */
type Doubled = readonly [high: number, low: number];

/** The sum, given that the first is the larger. */
const sumOf = (large: number, small: number): Doubled => {
  const high = large + small;
  return [high, small - (high - large)];
};

/** The product without a rounding error (Dekker, "A floating-point technique for extending the available precision", 1971). */
function productOf(a: number, b: number): Doubled {
  const [a1, b1] = [upperHalf(a), upperHalf(b)];
  const [a2, b2] = [a - a1, b - b1];
  const high = a * b;
  return [high, a1 * b1 - high + a1 * b2 + a2 * b1 + a2 * b2];
}

function upperHalf(x: number): number {
  const scaled = 134_217_729 * x;
  return scaled - (scaled - x);
}

/** 2 / sqrt(pi) (-1)^n / (n! (2n + 1)), the coefficients of erf (Abramowitz and Stegun 7.1.5). */
const erfCoefficients: readonly Doubled[] = Array.from({ length: 22 }, (_, n) => {
  const [high, low]: Doubled = [1.1283791670955126, 1.533545961316588e-17];
  let divisor = n % 2 === 0 ? 2 * n + 1 : -(2 * n + 1);
  for (let i = 2; i <= n; i++) divisor *= i;
  const quotient = high / divisor;
  const [product, error] = productOf(quotient, divisor);
  return [quotient, (high - product - error + low) / divisor];
});

/** erf x for |x| < 1 in twice the precision, so that 1 - erf x has all digits. */
function erfOfSmall(x: number): Doubled {
  const [square, squareLow] = productOf(x, x);
  let [high, low] = erfCoefficients.at(-1)!;
  for (let n = erfCoefficients.length - 2; n >= 0; n--) {
    const [product, error] = productOf(high, square);
    const [next, nextLow] = erfCoefficients[n]!;
    const [sum, sumLow] = sumOf(next, product);
    [high, low] = sumOf(sum, sumLow + (error + high * squareLow + low * square) + nextLow);
  }
  const [product, error] = productOf(high, x);
  return sumOf(product, error + low * x);
}

/** e^(-x^2) without the rounding error of x^2, which the exponential would multiply: the square of a float32 is exact. */
function expOfMinusSquare(x: number): number {
  const upper = Math.fround(x);
  return Math.exp(-upper * upper) * Math.exp((upper - x) * (upper + x));
}

/** The complementary error function; for x >= 1 its continued fraction (7.1.14), evaluated from the far end. */
export function erfc(x: number): number {
  if (x <= -1) return 1 + erf(-x);
  if (x < 1) {
    const [high, low] = erfOfSmall(x);
    return 1 - high - low;
  }
  if (x > 28) return 0;
  if (Number.isNaN(x)) return x;
  const depth = Math.ceil(20 + 200 / (x * x));
  let tail = 0;
  for (let n = depth; n >= 1; n--) tail = n / 2 / (x + tail);
  return expOfMinusSquare(x) / (rootPi * (x + tail));
}

/** The inverse of erf on (-1, 1): a rational first guess, then Halley's iteration. */
export function erfinv(y: number): number {
  const magnitude = Math.abs(y);
  if (!(magnitude < 1)) return magnitude === 1 ? y * Infinity : Number.NaN;
  if (magnitude < 1e-8) return (y * rootPi) / 2;
  // Winitzki's approximation, within 2e-3.
  const a = 0.147;
  const logTerm = Math.log1p(-magnitude * magnitude);
  const b = 2 / (Math.PI * a) + logTerm / 2;
  let x = Math.sqrt(Math.sqrt(b * b - logTerm / a) - b);
  for (let i = 0; i < 4; i++) {
    const error = magnitude < 0.5 ? erf(x) - magnitude : 1 - magnitude - erfc(x);
    const newton = error / ((2 / rootPi) * Math.exp(-x * x));
    x -= newton / (1 + x * newton);
  }
  return Math.sign(y) * x;
}

// B_2k / (2k), k = 1, 2, ...: the coefficients of the asymptotic series of the logarithm of gamma and its derivatives.
const bernoulliOver2k = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160];
const asymptoticFrom = 15;

/** log |gamma(x)|: Stirling's series beyond 15, the recurrence below, reflection for negative arguments. */
export function logGamma(x: number): number {
  if (x <= 0) {
    if (Number.isInteger(x)) return Infinity;
    return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - logGamma(1 - x);
  }
  let shifted = x;
  let product = 1;
  while (shifted < asymptoticFrom) product *= shifted++;
  let sum = 0;
  const inverseSquare = 1 / (shifted * shifted);
  for (let k = bernoulliOver2k.length - 1; k >= 0; k--)
    sum = sum * inverseSquare + bernoulliOver2k[k]! / (2 * k + 1);
  return (
    (shifted - 0.5) * Math.log(shifted) -
    shifted +
    Math.log(2 * Math.PI) / 2 +
    sum / shifted -
    Math.log(product)
  );
}

/**
 * The derivative of order `order + 1` of log gamma (order 0 is digamma), by the recurrence up to 15 and the asymptotic
 * series (6.3.18, 6.4.11). NaN at the poles and below -10,000.
 */
export function polygamma(order: number, x: number): number {
  if (!(x > -1e4) || (x <= 0 && Number.isInteger(x))) return Number.NaN;
  if (x === Infinity) return order === 0 ? Infinity : 0;
  const { factor, first, half, terms } = asymptoticSeries(order);
  let shifted = x;
  let recurrence = 0;
  while (shifted < asymptoticFrom + order) recurrence += power(1 / shifted++, order + 1);
  const inverse = 1 / shifted;
  const inverseSquare = inverse * inverse;
  let sum = 0;
  for (let k = terms.length - 1; k >= 0; k--) sum = (sum + terms[k]!) * inverseSquare;
  const series = power(inverse, order) * (first + half * inverse + sum);
  if (order === 0) return Math.log(shifted) - series - recurrence;
  return (order % 2 === 0 ? -1 : 1) * (series + factor * recurrence);
}

/** x^n for a small whole n, without the cost of a general power. */
function power(x: number, n: number): number {
  let result = 1;
  for (let i = 0; i < n; i++) result *= x;
  return result;
}

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));

interface Asymptotic {
  readonly factor: number;
  readonly first: number;
  readonly half: number;
  readonly terms: readonly number[];
}

const knownSeries = new Map<number, Asymptotic>();

/** The coefficients of an order's asymptotic series in 1 / x, its first power of 1 / x taken out; computed once. */
function asymptoticSeries(order: number): Asymptotic {
  const known = knownSeries.get(order);
  if (known !== undefined) return known;
  const series = {
    factor: factorial(order),
    first: order === 0 ? 0 : factorial(order - 1),
    half: factorial(order) / 2,
    terms: bernoulliOver2k.map((b, i) => (b * factorial(2 * i + order + 1)) / factorial(2 * i + 1)),
  };
  knownSeries.set(order, series);
  return series;
}
