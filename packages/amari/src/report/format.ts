/** A positive number to three figures: 0.0314, 1.2e-5, 12.3. */
export function figures(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "undefined" : "infinite";
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  if (magnitude < 1e-3 || magnitude >= 1e5) return value.toExponential(digits - 2);
  const text = value.toPrecision(digits);
  return text.includes("e") ? String(Number(text)) : text;
}

/** A share as a percentage with one decimal. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

/** A cosine or correlation. */
export const cosine = (value: number): string => (Number.isNaN(value) ? "undefined" : value.toFixed(2));

/** `a, b and c`. */
export const listing = (items: readonly string[]): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;

/** Text as HTML. */
export const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
