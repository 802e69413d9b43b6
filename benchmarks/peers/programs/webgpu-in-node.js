// Gives libraries that were written for browsers the WebGPU of Node: Dawn, told what this repository's backend tells it.

export const onWebgpu = process.env.PEER_BACKEND === "webgpu";

export async function installWebgpu() {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const gpu = create(["enable-dawn-features=disable_robustness,disable_workgroup_init"]);
  // A global property, since Dawn's object must never be collected.
  Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "node" }, configurable: true });
}
