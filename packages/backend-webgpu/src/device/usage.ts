/** The bits of `GPUBufferUsage` and `GPUMapMode`, which not every engine has as global values. */
export const usage = {
  mapRead: 0x0001,
  copySource: 0x0004,
  copyTarget: 0x0008,
  uniform: 0x0040,
  storage: 0x0080,
  queryResolve: 0x0200,
} as const;

export const mapForReading = 0x0001;

/** The bit of `GPUShaderStage` for compute shaders. */
export const computeStage = 0x4;
