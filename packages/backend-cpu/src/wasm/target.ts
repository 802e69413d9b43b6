/** Which instructions code is made of, and how V8 is asked to compile it. */
export interface Target {
  /** Instructions of relaxed SIMD: fused multiply-add, and selections by masks. */
  readonly relaxed: boolean;
  /** Whether V8 pairs vectors of 128 bits into ones of 256; tiles are twice as wide then. */
  readonly revectorised: boolean;
}
