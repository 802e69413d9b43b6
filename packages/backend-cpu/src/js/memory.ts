const page = 65_536;

/** A memory that grows like WebAssembly's, for engines without it. */
export class PlainMemory {
  buffer: ArrayBuffer;

  constructor(pages: number) {
    this.buffer = new ArrayBuffer(pages * page);
  }

  /** Adds pages; the buffer is another one afterwards. Returns how many there were. */
  grow(pages: number): number {
    const before = this.buffer.byteLength;
    const larger = new ArrayBuffer(before + pages * page);
    new Uint8Array(larger).set(new Uint8Array(this.buffer));
    this.buffer = larger;
    return before / page;
  }
}
