import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { packages, packagesFolder, python, torchFolder, torchVersion } from "./peers.ts";

/** Makes a folder as a whole or not at all, so that an interrupted installation is no half one. */
function whole(folder: string, make: (at: string) => void): void {
  const draft = `${folder}.part`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  make(draft);
  renameSync(draft, folder);
}

/** Installs JavaScript peers by npm into a folder, unless they are there. */
export function installPackages(
  folder: string = packagesFolder,
  dependencies: Readonly<Record<string, string>> = packages,
): void {
  if (existsSync(folder)) return;
  console.log(`Installing ${Object.keys(dependencies).join(", ")} into ${folder} (300 MB, once)`);
  whole(folder, (at) => {
    writeFileSync(`${at}/package.json`, JSON.stringify({ private: true, dependencies }));
    execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: at,
      stdio: "inherit",
    });
  });
}

/** Installs PyTorch for the processor into a virtual environment, unless it is there. */
export function installTorch(): void {
  if (existsSync(torchFolder)) return;
  console.log(`Installing PyTorch ${torchVersion} into ${torchFolder} (1 GB, once; minutes)`);
  // Not by `whole`: the scripts of an environment name its folder.
  try {
    execFileSync("python3", ["-m", "venv", torchFolder], { stdio: "inherit" });
    execFileSync(
      `${torchFolder}/bin/pip`,
      ["install", "--quiet", "--no-input", `torch==${torchVersion}+cpu`, "numpy"],
      { stdio: "inherit" },
    );
  } catch (error) {
    rmSync(torchFolder, { recursive: true, force: true });
    throw error;
  }
}

/** Whether a Python that this command would use has PyTorch and numpy. */
export const hasTorch = (): boolean => spawnSync(python(), ["-c", "import torch, numpy"]).status === 0;
