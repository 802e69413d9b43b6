import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { fileURLToPath } from "node:url";

/** What each peer is called, and how a process of it is started. */
export interface Peer {
  readonly name: PeerName;
  /** For the tables. */
  readonly title: string;
  /** Whether it takes more than one thread in Node. */
  readonly threads: boolean;
  /** Whether it computes on a device whose clock it can read. */
  readonly hasDevice?: true;
  command(threads: number): Command;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export const peerNames = ["amari", "jax", "tfjs", "torch"] as const;
export type PeerName = (typeof peerNames)[number];

/** The versions that are measured; another one is another folder of the cache. */
export const packages: Readonly<Record<string, string>> = {
  "@jax-js/jax": "0.1.25",
  "@tensorflow/tfjs": "4.22.0",
  "@tensorflow/tfjs-backend-wasm": "4.22.0",
};
export const torchVersion = "2.13.0";

const cacheHome = process.env["XDG_CACHE_HOME"] ?? `${homedir()}/.cache`;
const folder = `${cacheHome}/amari-peers`;

/** Where npm puts the JavaScript peers: a folder of its own, outside of this workspace. */
export const packagesFolder: string = `${folder}/jax-${packages["@jax-js/jax"]}-tfjs-${packages["@tensorflow/tfjs"]}`;
/** Where `--install-torch` puts PyTorch. */
export const torchFolder: string = `${folder}/torch-${torchVersion}`;

/** The interpreter that has PyTorch when any has: the one of `--install-torch`, else python3. */
export const python = (): string =>
  existsSync(`${torchFolder}/bin/python3`) ? `${torchFolder}/bin/python3` : "python3";

/** The same for peers on WebGPU. */
export const gpuPackages: Readonly<Record<string, string>> = {
  "@jax-js/jax": packages["@jax-js/jax"]!,
  "@tensorflow/tfjs": packages["@tensorflow/tfjs"]!,
  "@tensorflow/tfjs-backend-webgpu": "4.22.0",
};
export const gpuPackagesFolder: string = `${packagesFolder}-webgpu`;

const program = (name: string): string => fileURLToPath(new URL(`programs/${name}`, import.meta.url));

const node = (name: string, env: Readonly<Record<string, string>> = {}): Command => ({
  file: process.execPath,
  args: ["--import", "tsx", program(name)],
  env,
});

export const peers: readonly Peer[] = [
  {
    name: "amari",
    title: "amari",
    threads: true,
    command: (threads) => node("amari.ts", { AMARI_THREADS: String(threads) }),
  },
  {
    name: "jax",
    title: "jax-js",
    threads: false,
    command: () => node("jax.js", { PEER_PACKAGES: packagesFolder }),
  },
  {
    name: "tfjs",
    title: "tfjs-wasm",
    threads: false,
    command: () => node("tfjs.js", { PEER_PACKAGES: packagesFolder }),
  },
  {
    name: "torch",
    title: "PyTorch",
    threads: true,
    command: (threads) => ({
      file: python(),
      args: [program("torch_peer.py")],
      env: { PEER_THREADS: String(threads), OMP_NUM_THREADS: String(threads) },
    }),
  },
];

const onWebgpu = { PEER_BACKEND: "webgpu", PEER_PACKAGES: gpuPackagesFolder };

/** Those that compute on WebGPU, in Node through Dawn. */
export const gpuPeers: readonly Peer[] = [
  {
    name: "amari",
    title: "amari",
    threads: false,
    hasDevice: true,
    command: () => node("amari.ts", onWebgpu),
  },
  { name: "jax", title: "jax-js", threads: false, command: () => node("jax.js", onWebgpu) },
  { name: "tfjs", title: "tfjs-webgpu", threads: false, command: () => node("tfjs.js", onWebgpu) },
];
