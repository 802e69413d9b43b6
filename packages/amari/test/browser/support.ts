import { webgpu } from "@amari/backend-webgpu";
import { type Backend, cpuBackend } from "amari";
import { inject } from "vitest";

const kind = inject("backend");

/** Whether the page is served so that it may share memory with workers. */
export const isolated: boolean = inject("isolated");

/** A fresh backend of the kind that the tests of this project are about. */
export const makeBackend = async (): Promise<Backend> => (kind === "webgpu" ? webgpu() : cpuBackend());

/** `webgpu`, `cpu with threads`: the project, for what is printed. */
export const title: string = kind === "cpu" ? `${kind} ${isolated ? "with" : "without"} threads` : kind;

/** Sends a worker a message and gives its answer; the worker ends. */
export async function ask<T>(worker: Worker, message: unknown): Promise<T> {
  try {
    return await new Promise<T>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data as T);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage(message);
    });
  } finally {
    worker.terminate();
  }
}
