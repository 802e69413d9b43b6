import { ArgumentError, type DType, type Tensor, tensor } from "@amari/core";

/** Options of {@link readCsv}. */
export interface CsvOptions {
  /** Between the fields of a line. Default ",". */
  readonly delimiter?: string;
  /** Whether the first line has the names of the columns. Default true. */
  readonly header?: boolean;
  /** The name (or without a header the position) of a column of class names. */
  readonly labels?: string | number;
  /** What an empty field is: an error (the default), or NaN. */
  readonly missing?: "error" | "nan";
  /** The dtype of the numbers. Default float32. */
  readonly dtype?: DType;
}

/** A table of numbers, with the classes of its rows where one column has them. */
export interface Table {
  /** The numbers, `[rows, columns]`, without the column of labels. */
  readonly x: Tensor<[number, number]>;
  /** The names of the columns of x; "0", "1", ... without a header. */
  readonly columns: readonly string[];
  /** The class of each row, int32 `[rows]`; null without a column of labels. */
  readonly y: Tensor<[number]> | null;
  /** The name of each class, in the order of first appearance; empty without a column of labels. */
  readonly classNames: readonly string[];
}

/**
 * A table of numbers from comma-separated values (RFC 4180: quoted fields, doubled quotes, either line ending). Empty
 * lines are left out.
 *
 * @throws ArgumentError, with the line and the column, for a field that is no number, a line of another length, a
 *   quotation that does not end, or a column of labels that there is not
 * @example const { x, y, classNames } = readCsv(text, { labels: "species" });
 */
export function readCsv(text: string, options: CsvOptions = {}): Table {
  const { delimiter = ",", header = true, missing = "error", dtype = "float32" } = options;
  const lines = linesOf(text, delimiter);
  const width = lines[0]?.fields.length ?? 0;
  for (const { number, fields } of lines) {
    if (fields.length === width) continue;
    throw new ArgumentError(
      `readCsv: line ${number} has ${fields.length} fields, the first line has ${width}`,
    );
  }
  const names = header
    ? (lines.shift()?.fields ?? []).map((name) => name.trim())
    : Array.from({ length: width }, (_, i) => String(i));
  const labelAt = options.labels === undefined ? -1 : names.indexOf(String(options.labels));
  if (options.labels !== undefined && labelAt < 0) {
    throw new ArgumentError(
      `readCsv: there is no column ${JSON.stringify(options.labels)}; the columns are ${names.join(", ")}`,
    );
  }
  const values = lines.flatMap(({ number, fields }) =>
    fields.flatMap((field, i) =>
      i === labelAt ? [] : [parse(field, missing, `line ${number}, ${names[i]}`)],
    ),
  );
  const columns = names.filter((_, i) => i !== labelAt);
  const labels = labelAt < 0 ? null : lines.map(({ fields }) => fields[labelAt]!.trim());
  const classNames = [...new Set(labels)];
  return {
    x: tensor(values, { dtype, shape: [lines.length, columns.length] }),
    columns,
    y:
      labels &&
      tensor(
        labels.map((label) => classNames.indexOf(label)),
        { dtype: "int32", shape: [lines.length] },
      ),
    classNames,
  };
}

function parse(field: string, missing: "error" | "nan", where: string): number {
  const trimmed = field.trim();
  if (trimmed === "" && missing === "nan") return Number.NaN;
  const value = trimmed.toLowerCase() === "nan" ? Number.NaN : Number(trimmed);
  if (trimmed !== "" && (!Number.isNaN(value) || trimmed.toLowerCase() === "nan")) return value;
  throw new ArgumentError(
    `readCsv: expected a number at ${where}, got ${JSON.stringify(field)}; ` +
      (trimmed === ""
        ? 'pass { missing: "nan" } for tables with gaps'
        : "name a column of classes by { labels }"),
  );
}

interface Line {
  readonly number: number;
  readonly fields: string[];
}

/** The fields of every line that is not empty. */
function linesOf(text: string, delimiter: string): Line[] {
  const lines: Line[] = [];
  let fields: string[] = [];
  let field = "";
  let quoted = false;
  let number = 1;
  let began = 1;
  const endLine = (): void => {
    fields.push(field);
    if (fields.length > 1 || field.trim() !== "") lines.push({ number: began, fields });
    fields = [];
    field = "";
    began = number;
  };
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === "\n") number++;
    if (quoted) {
      if (character !== '"') field += character;
      else if (text[i + 1] === '"') field += text[++i];
      else quoted = false;
    } else if (character === '"') quoted = true;
    else if (text.startsWith(delimiter, i)) {
      fields.push(field);
      field = "";
      i += delimiter.length - 1;
    } else if (character === "\n") endLine();
    else if (character !== "\r" || text[i + 1] !== "\n") field += character;
  }
  if (quoted)
    throw new ArgumentError(`readCsv: the quotation in the row that begins at line ${began} does not end`);
  endLine();
  return lines;
}
