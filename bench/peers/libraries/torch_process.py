"""Training steps in PyTorch, as torch.ts asks for them in lines of JSON.

The model and its numbers are those of data.ts.
"""

import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]))


def normals(shape, seed, scale=1.0):
    length = math.prod(shape)
    count = np.arange(1, length + length % 2 + 1, dtype=np.uint32)
    state = np.uint32(seed) + count * np.uint32(0x6D2B79F5)
    t = (state ^ (state >> 15)) * (state | 1)
    t = (t + (t ^ (t >> 7)) * (t | 61)) ^ t
    u = (t ^ (t >> 14)) / 2.0**32
    radius, angle = scale * np.sqrt(-2 * np.log(1 - u[::2])), 2 * np.pi * u[1::2]
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return torch.tensor(both.reshape(-1)[:length].astype(np.float32)).view(*shape)


class Training:
    def __init__(self, size):
        self.size = size
        dim, layers, hidden = size["dim"], size["layers"], size["hiddenDim"]
        self.weights, self.seed = {}, 1
        last = 0.02 / math.sqrt(2 * layers)
        self.matrix("tokens", [256, dim])
        self.matrix("positions", [size["context"], dim])
        for i in range(layers):
            self.norm(f"{i}.norm1")
            for name in "qkv":
                self.matrix(f"{i}.{name}", [dim, dim])
            self.matrix(f"{i}.out", [dim, dim], last)
            self.norm(f"{i}.norm2")
            self.matrix(f"{i}.up", [dim, hidden])
            self.matrix(f"{i}.down", [hidden, dim], last)
        self.norm("norm")
        self.matrix("head", [dim, 256])
        self.adam = torch.optim.Adam(self.weights.values(), lr=1e-3)
        square = torch.full((size["context"], size["context"]), -math.inf)
        self.mask = square.triu(1)

    def matrix(self, name, shape, scale=0.02):
        self.weights[name] = normals(shape, self.seed, scale).requires_grad_()
        self.seed += 1

    def norm(self, name):
        dim = self.size["dim"]
        self.weights[f"{name}.gain"] = torch.ones(dim, requires_grad=True)
        self.weights[f"{name}.bias"] = torch.zeros(dim, requires_grad=True)

    def normed(self, x, name):
        gain, bias = self.weights[f"{name}.gain"], self.weights[f"{name}.bias"]
        return F.layer_norm(x, (x.shape[-1],), gain, bias)

    def logits(self, inputs):
        batch, context, dim, heads = (
            self.size[name] for name in ("batch", "context", "dim", "heads")
        )
        w = self.weights
        x = w["tokens"][inputs] + w["positions"]
        for i in range(self.size["layers"]):
            n = self.normed(x, f"{i}.norm1")
            q, k, v = (
                (n @ w[f"{i}.{name}"]).view(batch, context, heads, -1).transpose(1, 2)
                for name in "qkv"
            )
            scores = q @ k.transpose(-1, -2) / math.sqrt(dim // heads) + self.mask
            mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, context, dim)
            x = x + mixed @ w[f"{i}.out"]
            up = self.normed(x, f"{i}.norm2") @ w[f"{i}.up"]
            x = x + F.gelu(up, approximate="tanh") @ w[f"{i}.down"]
        return self.normed(x, "norm") @ w["head"]

    def step(self, inputs, targets):
        shape = (self.size["batch"], self.size["context"])
        logits = self.logits(torch.tensor(inputs).view(*shape))
        loss = F.cross_entropy(logits.view(-1, 256), torch.tensor(targets))
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss.item()


def answer(value):
    print(f"@@{json.dumps(value)}", flush=True)


answer(f"PyTorch {torch.__version__}, native")
training = None
for line in sys.stdin:
    if not line.startswith("@@"):
        continue
    message = json.loads(line[2:])
    if "size" in message:
        training = Training(message["size"])
        answer(0)
    else:
        answer(training.step(message["inputs"], message["targets"]))
