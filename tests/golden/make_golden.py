"""Writes golden.jsonl: what PyTorch makes of small inputs, one case per line.

Everything is computed in float64. Inputs are multiples of 1/64, so float32
holds them exactly; results have 9 digits. `grads` are those of
sum(output * output_grad) with respect to each of `inputs`.

To regenerate, with any PyTorch from 1.13 on:

    python3 tests/golden/make_golden.py
"""

import json
import math
import pathlib

import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(2412)
cases = []


def draw(*shape):
    return torch.randint(-128, 129, shape) / 64


def draw_distinct(*shape):
    """No two equal numbers, so that every maximum is unique."""
    count = math.prod(shape)
    return (torch.randperm(count) - count // 2).reshape(shape) / 64


def record(tensor):
    data = [float(f"{x:.9g}") for x in tensor.flatten().tolist()]
    return {
        "shape": list(tensor.shape),
        "data": [int(x) if x.is_integer() else x for x in data],
    }


def add(name, function, inputs, *, integers=None, **params):
    """A case with gradients."""
    inputs = [x.requires_grad_() for x in inputs]
    output = function(*inputs)
    output_grad = draw(*output.shape)
    grads = torch.autograd.grad(output, inputs, output_grad)
    cases.append({
        "name": name,
        "inputs": [record(x.detach()) for x in inputs],
        "params": params,
        "integers": integers or {},
        "output": record(output.detach()),
        "outputGrad": record(output_grad),
        "grads": [record(grad) for grad in grads],
    })


def add_plain(name, output, inputs, **params):
    """A case without gradients."""
    cases.append({
        "name": name,
        "inputs": [record(x) for x in inputs],
        "params": params,
        "integers": {},
        "output": record(output),
        "grads": [],
    })


def add_elementwise():
    add("addBroadcast", torch.add, [draw(2, 1, 4), draw(3, 1)])
    add("mulBroadcast", torch.mul, [draw(2, 1, 4), draw(3, 1)])
    add("silu", F.silu, [draw(3, 5)])
    add("geluErf", F.gelu, [draw(3, 5)])
    add("geluTanh", lambda x: F.gelu(x, approximate="tanh"), [draw(3, 5)])
    add("swiglu", lambda gate, up: F.silu(gate) * up, [draw(3, 5), draw(3, 5)])


def add_matmul():
    add("matmul", torch.matmul, [draw(3, 5), draw(5, 4)])
    add("matmulTransposedA", lambda a, b: a.T @ b, [draw(5, 3), draw(5, 4)])
    add("matmulTransposedB", lambda a, b: a @ b.T, [draw(3, 5), draw(4, 5)])
    add("matmulBatched", torch.matmul, [draw(2, 3, 5), draw(2, 5, 4)])
    add("matmulBroadcast", torch.matmul, [draw(2, 3, 5), draw(5, 4)])


def add_rows():
    def rms_norm(x, gain):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * gain

    def layer_norm(x, gain, bias):
        return F.layer_norm(x, (7,), gain, bias, 1e-5)

    add("softmax", lambda x: x.softmax(-1), [draw(3, 7)])
    add("logSumExp", lambda x: x.logsumexp(-1), [draw(3, 7)])
    add("rmsNorm", rms_norm, [draw(3, 7), draw(7)], eps=1e-5)
    add("layerNorm", layer_norm, [draw(3, 7), draw(7), draw(7)], eps=1e-5)
    add("cumulativeSum", lambda x: x.cumsum(-1), [draw(3, 7)])

    targets = [2, -1, 0, 6, -1]
    add(
        "crossEntropy",
        lambda x: F.cross_entropy(x, torch.tensor(targets), ignore_index=-1),
        [draw(5, 7)],
        integers={"targets": targets},
        ignoreIndex=-1,
    )
    ids = [4, 0, 4, 2, 4]
    add(
        "embedding",
        lambda table: F.embedding(torch.tensor(ids), table),
        [draw(6, 3)],
        integers={"ids": ids},
    )
    lengths = [1, 3, 2, 4]
    add(
        "segmentMax",
        lambda x: torch.stack([s.amax(0) for s in x.split(lengths)]),
        [draw_distinct(10, 3)],
        integers={"lengths": lengths},
    )


def add_attention():
    """q: [H, N, E], k, v: [H, M, E]; query i sees the keys lo[i] to hi[i]."""

    def attention_case(name, lo, hi, keys):
        positions = torch.arange(keys)
        visible = (positions >= torch.tensor(lo)[:, None]) & (
            positions < torch.tensor(hi)[:, None]
        )

        def attention(q, k, v):
            scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
            return scores.masked_fill(~visible, -math.inf).softmax(-1) @ v

        inputs = [draw(2, len(lo), 4), draw(2, keys, 4), draw(2, keys, 4)]
        add(name, attention, inputs, integers={"lo": lo, "hi": hi})

    to_itself = [1, 2, 3, 4, 5, 6]
    attention_case("attentionCausal", [0] * 6, to_itself, 6)
    attention_case("attentionWindowed", [0, 0, 0, 1, 2, 3], to_itself, 6)
    attention_case("attentionDocuments", [0, 0, 0, 3, 3, 3], to_itself, 6)
    attention_case("attentionSlots", [0, 0, 2, 2, 2, 4], [2, 2, 4, 4, 4, 6], 6)

    def rope(x):
        pairs = torch.view_as_complex(x.reshape(2, 5, 3, 2))
        frequencies = 10000.0 ** (-torch.arange(0, 6, 2) / 6)
        angles = torch.outer(torch.arange(5.0), frequencies)
        turned = pairs * torch.polar(torch.ones_like(angles), angles)
        return torch.view_as_real(turned).reshape(2, 5, 6)

    # Heads first, interleaved pairs. x: [H, N, E]
    add("rope", rope, [draw(2, 5, 6)], theta=10000)


def add_training():
    """Ten optimizer steps from weights [4] with gradients [10, 4]: [10, 4]."""

    def steps(optimizer_of, start, grads):
        weight = torch.nn.Parameter(start.clone())
        optimizer = optimizer_of([weight])
        after = []
        for grad in grads:
            weight.grad = grad.clone()
            optimizer.step()
            after.append(weight.detach().clone())
        return torch.stack(after)

    start, grads = draw(4), draw(10, 4)
    adamw = torch.optim.AdamW
    add_plain(
        "adamw",
        steps(
            lambda w: adamw(w, 0.01, (0.9, 0.95), 1e-8, weight_decay=0.1),
            start,
            grads,
        ),
        [start, grads],
        lr=0.01,
        beta1=0.9,
        beta2=0.95,
        eps=1e-8,
        weightDecay=0.1,
    )
    sgd = torch.optim.SGD
    add_plain(
        "sgd",
        steps(
            lambda w: sgd(w, 0.1, momentum=0.9, weight_decay=0.01),
            start,
            grads,
        ),
        [start, grads],
        lr=0.1,
        momentum=0.9,
        weightDecay=0.01,
    )

    # Clipped together; the result is both, flat, one after the other.
    gradients = [draw(2, 3), draw(4)]
    for name, max_norm in [("clipGradNorm", 1.0), ("clipGradNormIdle", 99)]:
        weights = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
        for weight, grad in zip(weights, gradients):
            weight.grad = grad.clone()
        norm = torch.nn.utils.clip_grad_norm_(weights, max_norm)
        clipped = torch.cat([weight.grad.flatten() for weight in weights])
        add_plain(
            name,
            clipped,
            gradients,
            maxNorm=max_norm,
            norm=float(f"{norm.item():.9g}"),
        )

    # Learning rates of 12 steps: up in a line for 4, then down in a cosine.
    schedulers = torch.optim.lr_scheduler
    for name, start_factor in [
        ("warmupCosine", 1e-12),  # PyTorch does not accept 0
        ("warmupCosineFromFifth", 0.2),
    ]:
        optimizer = sgd([torch.nn.Parameter(torch.zeros(1))], 0.5)
        warm_up = schedulers.LinearLR(optimizer, start_factor, total_iters=4)
        cosine = schedulers.CosineAnnealingLR(optimizer, 8, eta_min=0.05)
        schedule = schedulers.SequentialLR(optimizer, [warm_up, cosine], [4])
        rates = []
        for _ in range(12):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        add_plain(
            name,
            torch.tensor(rates),
            [],
            peak=0.5,
            final=0.05,
            startFactor=start_factor,
            warmUpSteps=4,
            steps=12,
        )


add_elementwise()
add_matmul()
add_rows()
add_attention()
add_training()
lines = [json.dumps(case, separators=(",", ":")) for case in cases]
path = pathlib.Path(__file__).with_name("golden.jsonl")
path.write_text("\n".join(lines) + "\n")
