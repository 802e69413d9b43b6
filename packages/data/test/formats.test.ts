import { gzipSync } from "node:zlib";
import { referenceBackend } from "@amari/backend-reference";
import { ArgumentError, type DType, DTypeError, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { gunzip, readCsv, readIdx, readNpy, writeNpy } from "../src/index.ts";

setDefaultBackend(referenceBackend());

const values = (x: Tensor): number[] => Array.from(x.dataSync());

/** Writes numbers one after the other. */
function write(
  count: number,
  width: number,
  put: (view: DataView, at: number, i: number) => void,
): Uint8Array {
  const view = new DataView(new ArrayBuffer(count * width));
  for (let i = 0; i < count; i++) put(view, i * width, i);
  return new Uint8Array(view.buffer);
}

const join = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

describe("readIdx", () => {
  const dimensions = (...shape: number[]): Uint8Array =>
    write(shape.length, 4, (view, at, i) => view.setUint32(at, shape[i]!));
  const numbers = [1, -2, 3, 100, -128, 0];

  test("reads bytes as MNIST has them", () => {
    const file = join([0, 0, 0x08, 3], dimensions(2, 1, 3), [0, 1, 127, 128, 254, 255]);
    const images = readIdx(file);
    expect([images.shape, images.dtype]).toEqual([[2, 1, 3], "int32"]);
    expect(values(images)).toEqual([0, 1, 127, 128, 254, 255]);
    expect(readIdx(file, { dtype: "float32" }).dtype).toBe("float32");
  });

  test.each([
    { code: 0x09, dtype: "int32", width: 1, put: DataView.prototype.setInt8 },
    { code: 0x0b, dtype: "int32", width: 2, put: DataView.prototype.setInt16 },
    { code: 0x0c, dtype: "int32", width: 4, put: DataView.prototype.setInt32 },
    { code: 0x0d, dtype: "float32", width: 4, put: DataView.prototype.setFloat32 },
    { code: 0x0e, dtype: "float64", width: 8, put: DataView.prototype.setFloat64 },
  ])("reads big-endian elements of type $code as $dtype", ({ code, dtype, width, put }) => {
    const elements = write(6, width, (view, at, i) => put.call(view, at, numbers[i]!));
    const x = readIdx(join([0, 0, code, 1], dimensions(6), elements));
    expect([x.dtype, values(x)]).toEqual([dtype, numbers]);
  });

  test("reads a file that begins anywhere in its buffer", () => {
    const file = join([9, 9, 9], [0, 0, 0x0c, 1], dimensions(1), [0, 0, 1, 0]);
    expect(values(readIdx(file.subarray(3)))).toEqual([256]);
  });

  test.each([
    ["another file", [0x89, 0x50, 0x4e, 0x47], /which begins with 00 00.*got 89 50 4e 47/],
    ["a compressed file", [0x1f, 0x8b, 8, 0], /It is compressed: write readIdx\(await gunzip\(bytes\)\)/],
    ["an unknown type", [0, 0, 0x0a, 1, 0, 0, 0, 0], /got 00 00 0a 01/],
    ["no bytes", [], /expected an IDX file/],
    ["a cut header", [0, 0, 8, 2, 0, 0], /the file is damaged/],
    ["too few elements", [0, 0, 8, 1, 0, 0, 0, 3, 1, 2], /expected 11 bytes for uint8\[3\], got 10/],
    ["too many elements", [0, 0, 8, 1, 0, 0, 0, 1, 1, 2], /expected 9 bytes for uint8\[1\], got 10/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readIdx(Uint8Array.from(bytes))).toThrow(ArgumentError);
    expect(() => readIdx(Uint8Array.from(bytes))).toThrow(message);
  });
});

describe("gunzip", () => {
  test.prop([fc.uint8Array({ maxLength: 200 })])("undoes gzip", async (bytes) => {
    expect(await gunzip(Uint8Array.from(gzipSync(bytes)))).toEqual(bytes);
  });

  test("refuses what is not compressed, and what is cut off", async () => {
    await expect(gunzip(Uint8Array.of(1, 2, 3))).rejects.toThrow(ArgumentError);
    const whole = gzipSync(Uint8Array.from({ length: 100 }, (_, i) => i));
    await expect(gunzip(Uint8Array.from(whole.subarray(0, 40)))).rejects.toThrow(
      /expected a whole gzip file/,
    );
  });
});

describe("readCsv", () => {
  test("reads numbers below a header", () => {
    const { x, columns, y, classNames } = readCsv("a, b\n1,2\n3.5,-4e2\n");
    expect(x.arraySync()).toEqual([
      [1, 2],
      [3.5, -400],
    ]);
    expect({ columns, y, classNames, dtype: x.dtype }).toEqual({
      columns: ["a", "b"],
      y: null,
      classNames: [],
      dtype: "float32",
    });
  });

  test("makes class indices of a column of names, in the order of first appearance", () => {
    const { x, y, columns, classNames } = readCsv("width,species,length\r\n1,b,2\r\n3,a,4\r\n5,b,6\r\n", {
      labels: "species",
      dtype: "float64",
    });
    expect([x.arraySync(), y?.arraySync(), y?.dtype]).toEqual([
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [0, 1, 0],
      "int32",
    ]);
    expect([columns, classNames, x.dtype]).toEqual([["width", "length"], ["b", "a"], "float64"]);
  });

  test("without a header numbers the columns", () => {
    const { x, y, columns } = readCsv("1;x;2\n3;y;4", { header: false, delimiter: ";", labels: 1 });
    expect([x.arraySync(), columns, y?.arraySync()]).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      ["0", "2"],
      [0, 1],
    ]);
  });

  test("reads quoted fields with delimiters, quotes and line ends in them", () => {
    const text = '\uFEFF"the ""first"", really",kind\n"1","a,\nb"\n\n2,"a,\nb"\n';
    const { x, columns, classNames } = readCsv(text, { labels: "kind" });
    expect([x.arraySync(), columns, classNames]).toEqual([[[1], [2]], ['the "first", really'], ["a,\nb"]]);
  });

  test("reads gaps as NaN only when told", () => {
    expect(() => readCsv("a,b\n1,\n")).toThrow(
      /expected a number at line 2, b, got "".*pass \{ missing: "nan" \}/,
    );
    expect(readCsv("a,b\n1,\n", { missing: "nan" }).x.arraySync()).toEqual([[1, Number.NaN]]);
    expect(readCsv("a\nNaN\n").x.arraySync()).toEqual([[Number.NaN]]);
  });

  test("reads past a byte order mark", () => {
    expect(readCsv("\uFEFFa\n1\n").columns).toEqual(["a"]);
    expect(readCsv("\uFEFF1\n", { header: false }).x.arraySync()).toEqual([[1]]);
  });

  test("reads an empty table", () => {
    expect(readCsv("a,b\n").x.shape).toEqual([0, 2]);
    expect(readCsv("").x.shape).toEqual([0, 0]);
  });

  test.each([
    [
      "a field that is no number",
      "a,b\n1,2\n3,four\n",
      {},
      /at line 3, b, got "four"; name a column of classes/,
    ],
    ["a line of another length", "a,b\n\n1,2,3\n", {}, /line 3 has 3 fields, the first line has 2/],
    ["a quotation without end", 'a\n"1\n', {}, /the quotation in the row that begins at line 2 does not end/],
    ["labels that are not there", "a,b\n1,2\n", { labels: "c" }, /no column "c"; the columns are a, b/],
  ])("refuses %s", (_, text, options, message) => {
    expect(() => readCsv(text, options)).toThrow(ArgumentError);
    expect(() => readCsv(text, options)).toThrow(message);
  });

  test.prop([
    fc.array(fc.tuple(fc.double({ noNaN: true }), fc.integer()), { minLength: 1 }),
    fc.constantFrom("\n", "\r\n"),
  ])("reads back every double that JavaScript prints", (rows, lineEnd) => {
    const text = rows.map((row) => row.join(",")).join(lineEnd);
    const { x } = readCsv(text, { header: false, dtype: "float64" });
    expect(values(x)).toEqual(rows.flat().map((n) => n + 0));
  });
});

describe("npy", () => {
  const npy = (header: string, elements: Uint8Array, version = 1): Uint8Array => {
    const text = `${header}\n`;
    const length = write(1, version === 1 ? 2 : 4, (view, at) =>
      version === 1 ? view.setUint16(at, text.length, true) : view.setUint32(at, text.length, true),
    );
    const start = [0x93, ...new TextEncoder().encode("NUMPY"), version, 0];
    return join(start, length, new TextEncoder().encode(text), elements);
  };

  test.prop([
    fc.constantFrom<DType[]>("float64", "float32", "float16", "int32", "uint32", "bool"),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
  ])("reads back what it wrote", async (dtype, shape) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const numbers = Array.from({ length: size }, (_, i) => (dtype === "bool" ? i % 2 : 3 * i));
    const x = tensor(numbers, { dtype, shape }) as Tensor;
    const back = readNpy(await writeNpy(x));
    expect([back.dtype, back.shape, back.arraySync()]).toEqual([dtype, shape, x.arraySync()]);
  });

  test("writes version 1.0 with the elements at a multiple of 64 bytes", async () => {
    const bytes = await writeNpy(tensor([1.5, -2], { dtype: "float64" }));
    const header = new TextDecoder("latin1").decode(bytes.subarray(10, 128));
    expect([...bytes.subarray(0, 10)]).toEqual([0x93, 78, 85, 77, 80, 89, 1, 0, 118, 0]);
    expect(header).toBe(`${"{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }".padEnd(117)}\n`);
    expect([...new Float64Array(bytes.slice(128).buffer)]).toEqual([1.5, -2]);
  });

  test("reads column-major and big-endian files", () => {
    const elements = write(6, 2, (view, at, i) => view.setInt16(at, i - 3));
    const x = readNpy(npy("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }", elements));
    expect([x.dtype, x.arraySync()]).toEqual([
      "int32",
      [
        [-3, -1, 1],
        [-2, 0, 2],
      ],
    ]);
  });

  test("reads integers of 64 bits where they fit, in a header of version 2", () => {
    const of = (value: bigint): Uint8Array =>
      npy(
        "{'descr': '<i8', 'fortran_order': False, 'shape': (), }",
        write(1, 8, (view, at) => view.setBigInt64(at, value, true)),
        2,
      );
    expect(readNpy(of(-7n)).itemSync()).toBe(-7);
    expect(() => readNpy(of(2n ** 40n))).toThrow(DTypeError);
  });

  test.each([
    ["another file", Uint8Array.from({ length: 20 }, (_, i) => i), /begins with the byte 93 and NUMPY/],
    [
      "complex numbers",
      npy("{'descr': '<c16', 'fortran_order': False, 'shape': (0,), }", new Uint8Array(0)),
      /expected elements of the types .* got the header \{'descr': '<c16'/,
    ],
    [
      "a file cut off",
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", new Uint8Array(7)),
      /for float32\[2\], got .*; the file is damaged/,
    ],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readNpy(bytes)).toThrow(ArgumentError);
    expect(() => readNpy(bytes)).toThrow(message);
  });
});
