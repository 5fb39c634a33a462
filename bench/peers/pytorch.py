"""PyTorch on the CPU: the workloads of workloads.ts, in PyTorch's own layout (channels first). pytorch.py THREADS [NAME …]"""

import json
import os
import sys
import time

threads, names = int(sys.argv[1]), sys.argv[2:]
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(threads)


def values(size, seed, scale=1.0):
    """The numbers of values.ts."""
    h = np.arange(size, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed * 0x85EBCA77 % 2**32)
    h = (h ^ (h >> 15)) * np.uint32(0x85EBCA77)
    h = (h ^ (h >> 13)) * np.uint32(0xC2B2AE3D)
    h ^= h >> 16
    return (((h >> 8) / 2**23 - 1) * scale).astype(np.float32)


def sample(shape, seed, scale=1.0):
    return torch.from_numpy(values(int(np.prod(shape)), seed, scale)).reshape(shape)


def times_of(run, together, repetitions):
    """Times of one run each: means over `together` runs."""
    times = []
    start = time.perf_counter()
    while len(times) < repetitions or time.perf_counter() - start < 0.3:
        before = time.perf_counter()
        for _ in range(together):
            run()
        times.append((time.perf_counter() - before) * 1e3 / together)
    return sorted(times)


def report(workload, first, run):
    result = first().detach().numpy().ravel().astype(np.float64)
    fastest = times_of(run, 1, 2)[0]
    together = int(np.ceil(0.2 / max(fastest, 1e-4)))
    times = times_of(run, together, 3)
    print(json.dumps({
        "workload": workload,
        "medianMs": times[len(times) // 2],
        "minMs": times[0],
        "together": together,
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


def conv_and_gradients(workload, kernel, channels, features, size):
    x = sample([32, 32, 32, channels], 1).permute(0, 3, 1, 2).contiguous().requires_grad_()
    w = sample([kernel, kernel, channels, features], 2).permute(3, 2, 0, 1).contiguous().requires_grad_()
    g = sample([32, size, size, features], 3).permute(0, 3, 1, 2).contiguous()

    def run():
        y = F.conv2d(x, w, padding=1)
        return y, *torch.autograd.grad(y, [x, w], g)

    def first():
        y, dx, dw = run()
        last = (0, 2, 3, 1)
        parts = [y.permute(last), dx.permute(last), dw.permute(2, 3, 1, 0)]
        return torch.cat([part.reshape(-1) for part in parts])

    report(workload, first, run)


def chain(workload):
    x, y = sample([4 * 2**20], 1), sample([4 * 2**20], 2)
    operation(workload, lambda: torch.sqrt(torch.abs(x * y + x)) * 0.5 - torch.maximum(x, y))


def layer_norm(workload):
    x, scale, bias = sample([4096, 1024], 1), sample([1024], 2), sample([1024], 3)
    operation(workload, lambda: F.layer_norm(x, [1024], scale, bias))


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


def channels_first(kernels):
    return [k.permute(3, 2, 0, 1) if k.ndim == 4 else k for k in kernels]


def channels_last(kernels):
    return [k.permute(2, 3, 1, 0) if k.ndim == 4 else k for k in kernels]


def residual(workload):
    x = sample([16, 32, 32, 64], 1).permute(0, 3, 1, 2).contiguous()
    ours = [sample([3, 3, 64, 64], seed, 0.05) for seed in (2, 3)]

    def loss_of(k1, k2):
        h = F.conv2d(torch.relu(F.conv2d(x, k1, padding=1)), k2, padding=1)
        return torch.relu(h + x).mean()

    training(workload, channels_first(ours), loss_of, channels_last)


def convnet(workload):
    x, labels = sample([64, 32, 32, 3], 1).permute(0, 3, 1, 2).contiguous(), torch.arange(64) % 10
    shapes = [[3, 3, 3, 32], [32], [3, 3, 32, 64], [64], [64, 100], [100]]
    ours = [sample(shape, i + 2, 0.05) for i, shape in enumerate(shapes)]

    def loss_of(k1, c1, k2, c2, w, b):
        h = torch.relu(F.conv2d(x, k1, c1, padding=1))
        h = torch.relu(F.conv2d(h, k2, c2, padding=1, stride=2))
        return F.cross_entropy(h.mean([2, 3]) @ w + b, labels)

    training(workload, channels_first(ours), loss_of, channels_last)


workloads = {
    "matmul 8": lambda name: matmul(name, 8, 8, 8),
    "matmul 16": lambda name: matmul(name, 16, 16, 16),
    "matmul 32": lambda name: matmul(name, 32, 32, 32),
    "matmul 64": lambda name: matmul(name, 64, 64, 64),
    "matmul 256": lambda name: matmul(name, 256, 256, 256),
    "matmul 512": lambda name: matmul(name, 512, 512, 512),
    "matmul 1024": lambda name: matmul(name, 1024, 1024, 1024),
    "matmul 2048": lambda name: matmul(name, 2048, 2048, 2048),
    "matmul 128x784 · 784x512": lambda name: matmul(name, 128, 784, 512),
    "conv 3x3, 32x32x32x64 to 64": lambda name: conv(name, 3, 64, 64),
    "conv 4x4, 32x32x32x3 to 128": lambda name: conv(name, 4, 3, 128),
    "conv 3x3, forward and backward": lambda name: conv_and_gradients(name, 3, 64, 64, 32),
    "conv 4x4, forward and backward": lambda name: conv_and_gradients(name, 4, 3, 128, 31),
    "chain of 7 operations on 4M": chain,
    "gelu of 4M": lambda name: pointwise(name, lambda x: F.gelu(x, approximate="tanh"), [4 * 2**20], 4),
    "add of 4M": add,
    "sum of rows, 4096x1024": lambda name: pointwise(name, lambda x: x.sum(1), [4096, 1024]),
    "softmax of rows, 4096x1024": lambda name: pointwise(name, lambda x: torch.softmax(x, 1), [4096, 1024], 8),
    "layer norm of rows, 4096x1024": layer_norm,
    "MLP training step": mlp,
    "LeNet-5 training step": lenet,
    "residual block training step": residual,
    "small convnet training step": convnet,
}

for name, work in workloads.items():
    if not names or name in names:
        work(name)
