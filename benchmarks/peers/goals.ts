/**
 * The times that the compiled CPU backend is meant to reach on one thread of an AVX-512 processor at 3.7 GHz, in
 * milliseconds: what a C program limited to vectors of 128 bits takes, with room for what a framework does around it.
 */
export const goals: Readonly<Record<string, number>> = {
  "matmul.256": 0.67,
  "matmul.512": 5.4,
  "matmul.1024": 43,
  "matmul.2048": 344,
  "ew.chain.4m": 13,
  "sum.axis0.2048x2048": 1.0,
  "sum.axis1.2048x2048": 0.3,
  "softmax.1024x4096": 5,
  "layernorm.1024x1024": 0.5,
  "conv2d.fwd": 6,
  "conv2d.fwdbwd": 18,
  "train.mlp": 3.5,
  "train.tiny": 0.02,
  "train.gpt": 75,
  "adam.10m": 10,
};
