import { describe, expect, test } from "vitest";
import { type System, withoutAdapter, withoutGpu } from "../src/device/remedy.ts";

const loader = "/usr/lib/x86_64-linux-gnu/libvulkan.so.1";

interface Given extends Partial<Pick<System, "engine" | "platform" | "isSecure">> {
  readonly release?: string;
  readonly files?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
}

const system = ({ release = "", files = [loader], variables = {}, ...rest }: Given): System => ({
  engine: "Node",
  platform: "linux",
  isSecure: true,
  ...rest,
  variable: (name) => variables[name],
  exists: (path) => files.includes(path),
  read: (path) => (path === "/etc/os-release" ? release : ""),
});

const release = (id: string, like = "") => `NAME="x"\nVERSION_ID="1"\nID=${id}\nID_LIKE="${like}"\n`;

describe("where there is no adapter, it says what to do", () => {
  test.each([
    ["on Debian", { release: release("debian") }, /: apt install libvulkan1 .*SwiftShader.*found by itself$/],
    ["on Ubuntu", { release: release("ubuntu", "debian") }, /apt install .*ubuntu-drivers.*lavapipe/],
    ["on a relative of Ubuntu", { release: release("linuxmint", "ubuntu debian") }, /ubuntu-drivers/],
    ["on Fedora", { release: release("fedora") }, /dnf install vulkan-loader/],
    ["on Arch", { release: release('"arch"') }, /pacman -S vulkan-icd-loader/],
    ["on another Linux", { release: release("void") }, /libvulkan, and the Vulkan driver of your GPU/],
    ["on a Linux without a name", {}, /libvulkan, and the Vulkan driver of your GPU/],
    ["on macOS", { platform: "darwin" }, /^update the driver of your GPU$/],
    [
      "in a browser",
      { engine: "browser", platform: "unknown" },
      /chrome:\/\/gpu or about:support says what is wrong$/,
    ],
    ["in a browser on Linux", { engine: "browser" }, /enable-unsafe-webgpu/],
    ["without a loader", { files: [] }, /^the Vulkan loader libvulkan.so.1 is not/],
    ["in Deno", { engine: "Deno", release: release("debian") }, /set VK_DRIVER_FILES .* before Deno starts/],
  ] as const)("%s", (_, given, message) => {
    expect(withoutAdapter(system(given))).toMatch(message);
  });

  test("where a variable names a driver that is not there, it names the variable and the file, and installs nothing", () => {
    const variables = { VK_DRIVER_FILES: "/there.json:/nonexistent" };
    const message = withoutAdapter(system({ variables, files: ["/there.json"], release: release("debian") }));
    expect(message).toMatch(/VK_DRIVER_FILES names \/nonexistent, which is not there: unset it/);
    expect(message).not.toContain("install what");
  });

  test("where a variable names a driver that drives nothing, it says to unset it", () => {
    const variables = { VK_ICD_FILENAMES: "/there.json" };
    expect(withoutAdapter(system({ variables, files: ["/there.json"] }))).toMatch(
      /VK_ICD_FILENAMES names \/there.json,.*unset/,
    );
  });
});

test("where there is no navigator.gpu, it says whether the engine or the way a page is served is to blame", () => {
  expect(withoutGpu({ engine: "browser", isSecure: true })).toMatch(/recent Chrome/);
  expect(withoutGpu({ engine: "browser", isSecure: false })).toMatch(/https or from localhost/);
  expect(withoutGpu({ engine: "Deno", isSecure: true })).toMatch(/--unstable-webgpu/);
});
