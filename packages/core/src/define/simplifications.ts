import { isFloat } from "../dtype.ts";
import type { Simplification, Term } from "../operation.ts";

// Rules that several operations share. All are exact: for NaN, infinities and the sign of zero too.

const isApplication = (outer: Term, inner: Term): boolean => inner.operation === outer.operation;

/** `f(f(x)) = x`. */
export const involution: Simplification = (term) => {
  const inner = term.operands[0]!;
  return isApplication(term, inner) ? inner.operands[0]! : null;
};

/** `f(f(x)) = f(x)`. */
export const idempotent: Simplification = (term) => {
  const inner = term.operands[0]!;
  return isApplication(term, inner) ? inner : null;
};

/** `f(f(x)) = f(x)`, where the two have attributes of their own and those of the outer one count. */
export const lastCounts: Simplification = (term) => {
  const inner = term.operands[0]!;
  return isApplication(term, inner) ? { ...term, operands: [inner.operands[0]!] } : null;
};

/** `f(x, x) = x`. */
export const ofTwins: Simplification = ({ operands: [x, y] }) => (x === y ? x! : null);

/** `f(x, n) = x`. */
export const neutralOnTheRight =
  (isNeutral: (n: number, term: Term) => boolean): Simplification =>
  (term) => {
    const [x, n] = term.operands as readonly [Term, Term];
    return n.constant !== null && isNeutral(n.constant, term) ? x : null;
  };

/** `f(x, n) = f(n, x) = x`. */
export const neutral =
  (isNeutral: (n: number, term: Term) => boolean): Simplification =>
  (term) => {
    const [x, y] = term.operands as readonly [Term, Term];
    if (y.constant !== null && isNeutral(y.constant, term)) return x;
    return x.constant !== null && isNeutral(x.constant, term) ? y : null;
  };

export const isOne = (n: number): boolean => n === 1;

/** What `x + n` leaves alone. `-0 + 0` is 0, so among floats it is -0 only. */
export const isZeroOfAddition = (n: number, { dtype }: Term): boolean =>
  isFloat(dtype) ? Object.is(n, -0) : n === 0;

/** What `x - n` leaves alone: `-0 - 0` is -0, but `-0 - -0` is 0. */
export const isZeroOfSubtraction = (n: number): boolean => Object.is(n, 0);
