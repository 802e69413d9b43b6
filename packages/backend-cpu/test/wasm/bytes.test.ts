import { describe, expect, it } from "vitest";
import { Bytes } from "../../src/wasm/bytes.ts";

describe("the encoding of numbers", () => {
  it.each([
    [0, [0x00]],
    [1, [0x01]],
    [127, [0x7f]],
    [128, [0x80, 0x01]],
    [624485, [0xe5, 0x8e, 0x26]],
    [2 ** 31, [0x80, 0x80, 0x80, 0x80, 0x08]],
    [2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])("writes %d unsigned in groups of seven bits, lowest first", (value, bytes) => {
    expect([...new Bytes().unsigned(value).view()]).toEqual(bytes);
  });

  it.each([
    [0, [0x00]],
    [63, [0x3f]],
    [64, [0xc0, 0x00]],
    [-1, [0x7f]],
    [-64, [0x40]],
    [-65, [0xbf, 0x7f]],
    [-123456, [0xc0, 0xbb, 0x78]],
    [2 ** 31 - 1, [0xff, 0xff, 0xff, 0xff, 0x07]],
    [-(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x78]],
  ])("writes %d signed so that the last group carries the sign", (value, bytes) => {
    expect([...new Bytes().signed(value).view()]).toEqual(bytes);
  });

  it("writes an address of two gigabytes and more like the negative number of the same bits", () => {
    expect([...new Bytes().signed(0x80000000).view()]).toEqual([...new Bytes().signed(-0x80000000).view()]);
  });

  it("writes floating-point numbers with the lowest byte first", () => {
    expect([...new Bytes().float32(1).view()]).toEqual([0, 0, 0x80, 0x3f]);
    expect([...new Bytes().float64(-2).view()]).toEqual([0, 0, 0, 0, 0, 0, 0, 0xc0]);
  });
});

describe("a list of bytes", () => {
  it("grows as far as needed, by one byte or many", () => {
    const bytes = new Bytes();
    for (let index = 0; index < 1000; index++) bytes.byte(index & 0xff);
    bytes.append(new Uint8Array(5000).fill(7));
    expect(bytes.length).toBe(6000);
    expect(bytes.view()[999]).toBe(999 & 0xff);
    expect(bytes.view().subarray(1000)).toEqual(new Uint8Array(5000).fill(7));
  });

  it("puts the length before a text, in bytes and not in characters, and before another list", () => {
    expect([...new Bytes().text("é").view()]).toEqual([2, 0xc3, 0xa9]);
    expect([...new Bytes().sized(new Bytes().append([5, 6])).view()]).toEqual([2, 5, 6]);
  });
});
