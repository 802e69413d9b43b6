/** Where a program runs that found no WebGPU: what its advice depends on. */
export interface System {
  readonly engine: "browser" | "Node" | "Deno" | "Bun";
  /** As Node calls it; `linux`. */
  readonly platform: string;
  /** Of a page: whether it is served such that the engine gives it WebGPU at all. */
  readonly isSecure: boolean;
  variable(name: string): string | undefined;
  exists(path: string): boolean;
  /** The text of a file; empty where it cannot be read. */
  read(path: string): string;
}

/** The software driver that comes with Debian's Chromium. */
export const softwareDriver = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** The variables that name the drivers of Vulkan, the newer one first. */
export const driverVariables = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] as const;

/** What to do where the engine brings WebGPU along and yet has no `navigator.gpu`. */
export function withoutGpu({ engine, isSecure }: Pick<System, "engine" | "isSecure">): string {
  if (engine === "Deno") return "this Deno has no navigator.gpu: start it with deno run --unstable-webgpu";
  return isSecure
    ? "this browser has no navigator.gpu: use a recent Chrome, Edge, Safari or Firefox, and turn hardware acceleration on"
    : "this page has no navigator.gpu since it is not served securely: open it over https or from localhost";
}

/** What to do where there is WebGPU and no adapter. */
export function withoutAdapter(system: System): string {
  if (system.engine === "browser") {
    return (
      "update the driver of your GPU and turn the browser's hardware acceleration on; chrome://gpu or about:support says " +
      `what is wrong${system.platform === "linux" ? ". Chromium on Linux has it behind chrome://flags/#enable-unsafe-webgpu" : ""}`
    );
  }
  if (system.platform !== "linux") return "update the driver of your GPU";
  return chosenDriver(system) ?? `${missingLoader(system)}${packagesFor(system)}`;
}

/** What is wrong with the driver that a variable names; null if none does. */
function chosenDriver({ variable, exists }: System): string | null {
  const name = driverVariables.find((each) => variable(each) !== undefined);
  if (name === undefined) return null;
  const files = variable(name)!;
  const missing = files.split(":").filter((file) => !exists(file));
  return missing.length > 0
    ? `the environment variable ${name} names ${missing.join(" and ")}, which is not there: unset it, or name the json file ` +
        "of an installed Vulkan driver"
    : `the environment variable ${name} names ${files}, a driver without a GPU that it could drive, or too old: unset it`;
}

const loaderPlaces = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];

const missingLoader = ({ exists }: System): string =>
  loaderPlaces.some((folder) => exists(`${folder}/libvulkan.so.1`))
    ? ""
    : "the Vulkan loader libvulkan.so.1 is not where it usually is; ";

interface Packages {
  /** What drives a GPU. */
  readonly gpu: string;
  /** What computes on the processor instead. */
  readonly software: string;
}

/** By what /etc/os-release calls the distribution, or one that it is like. */
const distributions: Readonly<Record<string, Packages>> = {
  ubuntu: {
    gpu: "apt install libvulkan1 mesa-vulkan-drivers, for NVIDIA ubuntu-drivers install",
    software: "the lavapipe of the same mesa-vulkan-drivers, of Mesa 24 or newer",
  },
  debian: {
    gpu: "apt install libvulkan1 mesa-vulkan-drivers, for NVIDIA nvidia-driver",
    software: `the SwiftShader of apt install libvulkan1 chromium, ${softwareDriver}`,
  },
  fedora: {
    gpu: "dnf install vulkan-loader mesa-vulkan-drivers, for NVIDIA akmod-nvidia",
    software: "the lavapipe of the same mesa-vulkan-drivers",
  },
  arch: {
    gpu: "pacman -S vulkan-icd-loader and vulkan-radeon, vulkan-intel or nvidia-utils",
    software: "the lavapipe of pacman -S vulkan-swrast",
  },
};

const anywhere: Packages = {
  gpu: "the Vulkan loader, libvulkan, and the Vulkan driver of your GPU",
  software: "lavapipe of Mesa 24 or newer, or SwiftShader",
};

function packagesFor({ engine, read }: System): string {
  const release = read("/etc/os-release");
  const names = /^ID=(.*)$/m.exec(release)?.slice(1) ?? [];
  const alike = /^ID_LIKE=(.*)$/m.exec(release)?.[1]?.split(/[\s"]+/) ?? [];
  const known = [...names, ...alike]
    .map((name) => name.replaceAll('"', ""))
    .find((name) => name in distributions);
  const { gpu, software } = known === undefined ? anywhere : distributions[known]!;
  const found =
    engine === "Node" && known === "debian"
      ? "which is found by itself"
      : `set VK_DRIVER_FILES to its json file before ${engine} starts, if it is not found by itself`;
  return `install what drives your GPU: ${gpu}. Without a GPU a software driver will do for tests: ${software}; ${found}`;
}
