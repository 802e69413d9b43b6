import { escapeHtml } from "./format.ts";
import { styleSheet } from "./style.ts";

/** A whole page that loads nothing from anywhere; `body` is HTML. */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${styleSheet}</style>
</head>
<body><main>
${body}
</main></body>
</html>
`;

/** A name, as opposed to a number or to what stands in its place. */
const isName = (cell: string): boolean =>
  /^[a-z]/i.test(cell) && !/^(never|undefined|infinite|NaN|unsupported|failed)$/.test(cell);

/** A table; the first column holds names, the others numbers or names, text, or what is `plain`: short and read from the left. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: "numbers" | "text" | "plain" = "numbers",
): string {
  const marks = head.map((_, i) => (rows.some((row) => isName(row[i] ?? "")) ? ' class="name"' : ""));
  const cells = (row: readonly string[], tag: string) =>
    `<tr>${row.map((cell, i) => `<${tag}${marks[i]}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table class="${columns}"><thead>${cells(head, "th")}</thead><tbody>${rows.map((row) => cells(row, "td")).join("")}</tbody></table></div>`;
}

/** Paragraphs of a list. */
export const list = (items: readonly string[]): string =>
  `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul>`;

/** A chart with its caption. */
export const figure = (title: string, note: string, svg: string): string =>
  `<figure><figcaption>${escapeHtml(title)}<small>${escapeHtml(note)}</small></figcaption>${svg}</figure>`;

/** What the colours mean. */
export const legend = (entries: readonly { readonly label: string; readonly colour: string }[]): string =>
  `<ul class="legend">${entries
    .map(({ label, colour }) => `<li><i style="background:${colour}"></i>${escapeHtml(label)}</li>`)
    .join("")}</ul>`;
