"""PyTorch on the CPU, one thread: the workloads of workloads.ts, in PyTorch's own layout (channels first)."""

import json
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def values(size, seed, scale=1.0):
    """The numbers of values.ts."""
    h = np.arange(size, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed * 0x85EBCA77 % 2**32)
    h = (h ^ (h >> 15)) * np.uint32(0x85EBCA77)
    h = (h ^ (h >> 13)) * np.uint32(0xC2B2AE3D)
    h ^= h >> 16
    return (((h >> 8) / 2**23 - 1) * scale).astype(np.float32)


def sample(shape, seed, scale=1.0):
    return torch.from_numpy(values(int(np.prod(shape)), seed, scale)).reshape(shape)


def times_of(run, repetitions):
    times = []
    start = time.perf_counter()
    while len(times) < repetitions or time.perf_counter() - start < 0.3:
        before = time.perf_counter()
        run()
        times.append((time.perf_counter() - before) * 1e3)
    return sorted(times)


def report(workload, first, run):
    result = first().detach().numpy().ravel().astype(np.float64)
    times_of(run, 3)
    times = times_of(run, 5)
    print(json.dumps({
        "impl": "PyTorch",
        "workload": workload,
        "medianMs": times[len(times) // 2],
        "minMs": times[0],
        "norm": float(np.sqrt(result @ result)),
        "projection": float(result @ values(result.size, 99)),
    }), flush=True)


def operation(workload, compute, to_channels_last=lambda y: y):
    with torch.no_grad():
        report(workload, lambda: to_channels_last(compute()), compute)


def matmul(workload, n, k, m):
    a, b = sample([n, k], 1), sample([k, m], 2)
    operation(workload, lambda: a @ b)


def conv(workload, kernel, channels, features):
    x = sample([32, 32, 32, channels], 1).permute(0, 3, 1, 2).contiguous()
    w = sample([kernel, kernel, channels, features], 2).permute(3, 2, 0, 1).contiguous()
    operation(workload, lambda: F.conv2d(x, w, padding=1), lambda y: y.permute(0, 2, 3, 1).contiguous())


def pointwise(workload, f, shape, scale=1.0):
    x = sample(shape, 1, scale)
    operation(workload, lambda: f(x))


def add(workload):
    x, y = sample([4 * 2**20], 1), sample([4 * 2**20], 2)
    operation(workload, lambda: x + y)


def training(workload, params, loss_of, to_ours=lambda params: params):
    params = [p.contiguous().requires_grad_() for p in params]

    def step():
        loss_of(*params).backward()
        with torch.no_grad():
            for p in params:
                p -= 0.1 * p.grad
                p.grad = None

    def first():
        for _ in range(10):
            step()
        return torch.cat([p.detach().reshape(-1) for p in to_ours(params)])

    report(workload, first, step)


def mlp(workload):
    x, labels = sample([128, 784], 1), torch.arange(128) % 10
    shapes = [[784, 512], [512], [512, 512], [512], [512, 10], [10]]

    def loss_of(w1, b1, w2, b2, w3, b3):
        h = torch.relu(torch.relu(x @ w1 + b1) @ w2 + b2)
        return F.cross_entropy(h @ w3 + b3, labels)

    training(workload, [sample(shape, i + 2, 0.05) for i, shape in enumerate(shapes)], loss_of)


def lenet(workload):
    x, labels = sample([128, 1, 28, 28], 1), torch.arange(128) % 10
    shapes = [[5, 5, 1, 6], [6], [5, 5, 6, 16], [16], [400, 120], [120], [120, 84], [84], [84, 10], [10]]
    ours = [sample(shape, i + 2, 0.05) for i, shape in enumerate(shapes)]

    def loss_of(k1, c1, k2, c2, w1, b1, w2, b2, w3, b3):
        h = F.max_pool2d(torch.relu(F.conv2d(x, k1, c1, padding=2)), 2)
        h = F.max_pool2d(torch.relu(F.conv2d(h, k2, c2)), 2).reshape(128, 400)
        h = torch.relu(torch.relu(h @ w1 + b1) @ w2 + b2)
        return F.cross_entropy(h @ w3 + b3, labels)

    def to_theirs(k1, c1, k2, c2, w1, *rest):
        first_last = (3, 2, 0, 1)
        w1 = w1.reshape(5, 5, 16, 120).permute(2, 0, 1, 3).reshape(400, 120)
        return [k1.permute(first_last), c1, k2.permute(first_last), c2, w1, *rest]

    def to_ours(params):
        k1, c1, k2, c2, w1, *rest = params
        w1 = w1.reshape(16, 5, 5, 120).permute(1, 2, 0, 3).reshape(400, 120)
        return [k1.permute(2, 3, 1, 0), c1, k2.permute(2, 3, 1, 0), c2, w1, *rest]

    training(workload, to_theirs(*ours), loss_of, to_ours)


workloads = {
    "matmul 256": lambda name: matmul(name, 256, 256, 256),
    "matmul 512": lambda name: matmul(name, 512, 512, 512),
    "matmul 1024": lambda name: matmul(name, 1024, 1024, 1024),
    "matmul 2048": lambda name: matmul(name, 2048, 2048, 2048),
    "matmul 128x784 · 784x512": lambda name: matmul(name, 128, 784, 512),
    "conv 3x3, 32x32x32x64 to 64": lambda name: conv(name, 3, 64, 64),
    "conv 4x4, 32x32x32x3 to 128": lambda name: conv(name, 4, 3, 128),
    "gelu of 4M": lambda name: pointwise(name, lambda x: F.gelu(x, approximate="tanh"), [4 * 2**20], 4),
    "add of 4M": add,
    "sum of rows, 4096x1024": lambda name: pointwise(name, lambda x: x.sum(1), [4096, 1024]),
    "softmax of rows, 4096x1024": lambda name: pointwise(name, lambda x: torch.softmax(x, 1), [4096, 1024], 8),
    "MLP training step": mlp,
    "LeNet-5 training step": lenet,
}

for name, work in workloads.items():
    if len(sys.argv) == 1 or name in sys.argv:
        work(name)
