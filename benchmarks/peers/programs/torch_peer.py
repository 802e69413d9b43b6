"""The workloads on PyTorch, eagerly, as its users write them. Speaks the protocol of serve.ts."""

import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

ANSWER_MARK = "@answer "
SHORTEST_SAMPLE = 0.5


def answer(message):
    print(ANSWER_MARK + json.dumps(message), flush=True)


def unit(size, seed):
    value = np.sin(np.arange(size, dtype=np.float64) + 1 + seed * 1000.5) * 43758.5453123
    return value - np.floor(value)


def to_tensor(spec):
    shape = spec["shape"]
    size = math.prod(shape)
    if spec["kind"] == "constant":
        values = np.full(size, spec["value"], np.float32)
    elif spec["kind"] == "uniform":
        values = ((unit(size, spec["seed"]) * 2 - 1) * spec["scale"]).astype(np.float32)
    else:
        values = np.floor(unit(size, spec["seed"]) * spec["classes"]).astype(np.int64)
    return torch.from_numpy(values.reshape(shape))


def checksum(x):
    values = x.detach().contiguous().numpy().astype(np.float64).ravel()
    return [float(np.abs(values).sum()), float(values.sum()), float(values @ unit(values.size, 77))]


class Kernel:
    def __init__(self, f):
        self.f = f

    def run(self):
        self.f()

    def check(self):
        result = self.f()
        results = result if isinstance(result, (tuple, list)) else [result]
        return [value for x in results for value in checksum(x)]


class Training:
    def __init__(self, loss, params, sizes):
        self.loss = loss
        self.optimizer = torch.optim.Adam(
            params, lr=sizes["lr"], betas=(sizes["b1"], sizes["b2"]), eps=sizes["eps"]
        )

    def run(self):
        self.optimizer.zero_grad(set_to_none=True)
        value = self.loss()
        value.backward()
        self.optimizer.step()
        return value

    def check(self):
        losses = [float(self.run().detach()) for _ in range(21)]
        return [losses[1], losses[20]]


class Adam:
    def __init__(self, inputs):
        self.p = inputs["p"].requires_grad_()
        self.p.grad = inputs["g"]
        self.optimizer = torch.optim.Adam([self.p], lr=0.001)

    def run(self):
        self.optimizer.step()

    def check(self):
        for _ in range(3):
            self.run()
        return checksum(self.p)


def perceptron(inputs, sizes):
    layers = len(sizes["sizes"]) - 1
    # torch.nn.Linear keeps its weight as [outputs, inputs].
    weights = [inputs[f"w{i}"].T.contiguous().requires_grad_() for i in range(layers)]
    biases = [inputs[f"b{i}"].requires_grad_() for i in range(layers)]

    def loss():
        h = inputs["x"]
        for i in range(layers):
            h = F.linear(h, weights[i], biases[i])
            if i < layers - 1:
                h = F.relu(h)
        return F.cross_entropy(h, inputs["y"])

    return Training(loss, [*weights, *biases], sizes)


MATRICES = ("qkv", "out", "up", "down", "head")


def transformer(inputs, sizes):
    params = {}
    for name, x in inputs.items():
        if name not in ("tokens", "targets"):
            params[name] = (x.T.contiguous() if name.startswith(MATRICES) and x.dim() == 2 else x).requires_grad_()
    d, heads, vocab = sizes["d"], sizes["heads"], sizes["vocab"]

    def attention(x, qkv, out):
        batch, length, _ = x.shape
        q, k, v = F.linear(x, qkv).view(batch, length, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return F.linear(mixed.transpose(1, 2).reshape(batch, length, d), out)

    def loss():
        p = params
        x = F.embedding(inputs["tokens"], p["tokenEmbedding"]) + p["positionEmbedding"]
        for i in range(sizes["layers"]):
            normed = F.layer_norm(x, (d,), p[f"norm1Scale{i}"], p[f"norm1Shift{i}"])
            x = x + attention(normed, p[f"qkv{i}"], p[f"out{i}"])
            normed = F.layer_norm(x, (d,), p[f"norm2Scale{i}"], p[f"norm2Shift{i}"])
            hidden = F.gelu(F.linear(normed, p[f"up{i}"], p[f"upBias{i}"]), approximate="tanh")
            x = x + F.linear(hidden, p[f"down{i}"], p[f"downBias{i}"])
        logits = F.linear(F.layer_norm(x, (d,), p["normScale"], p["normShift"]), p["head"])
        return F.cross_entropy(logits.view(-1, vocab), inputs["targets"].view(-1))

    return Training(loss, list(params.values()), sizes)


def prepare(workload):
    sizes = workload["sizes"]
    i = {name: to_tensor(spec) for name, spec in workload["inputs"].items()}
    kind = workload["kind"]
    if kind == "matmul":
        return Kernel(lambda: i["a"] @ i["b"])
    if kind == "add":
        return Kernel(lambda: i["x"] + i["z"])
    if kind == "chain":
        x, a, b = i["x"], sizes["a"], sizes["b"]
        return Kernel(lambda: torch.tanh(x * a + b) * x + torch.exp(-x))
    if kind == "sum":
        return Kernel(lambda: i["x"].sum(sizes["axis"]))
    if kind == "softmax":
        return Kernel(lambda: torch.softmax(i["x"], -1))
    if kind == "layernorm":
        return Kernel(lambda: F.layer_norm(i["x"], (sizes["cols"],), i["scale"], i["shift"], sizes["eps"]))
    if kind == "conv":
        return Kernel(lambda: F.conv2d(i["x"], i["w"], padding=sizes["pad"]))
    if kind == "convGradient":
        x, w = i["x"].requires_grad_(), i["w"].requires_grad_()

        def gradients():
            y = F.conv2d(x, w, padding=sizes["pad"])
            return torch.autograd.grad((y * y).sum() / 2, (x, w))

        return Kernel(gradients)
    if kind == "mlp":
        return perceptron(i, sizes)
    if kind == "transformer":
        return transformer(i, sizes)
    return Adam(i)


def repeat(work, times):
    start = time.perf_counter()
    for _ in range(times):
        work.run()
    return (time.perf_counter() - start) * 1000 / times


def measure(work, milliseconds):
    times = max(1, math.ceil(SHORTEST_SAMPLE / max(repeat(work, 1), 1e-4)))
    samples = []
    start = time.perf_counter()
    while True:
        elapsed = (time.perf_counter() - start) * 1000
        if (len(samples) >= 3 and elapsed >= milliseconds) or elapsed > 4 * milliseconds:
            break
        samples.append(repeat(work, times))
    samples.sort()
    return {"median": samples[len(samples) // 2], "best": samples[0], "samples": len(samples)}


def main():
    threads = int(os.environ["PEER_THREADS"])
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    answer({"versions": {"torch": torch.__version__, "python": sys.version.split()[0]}})
    work = None
    for line in sys.stdin:
        try:
            if work is None:
                work = prepare(json.loads(line))
                answer({"check": work.check()})
            else:
                answer(measure(work, float(line)))
        except Exception as error:  # the command reports it and goes on without this peer
            answer({"error": f"{type(error).__name__}: {error}"})
            return


main()
