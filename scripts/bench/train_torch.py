"""PyTorch's side of `npm run bench -- train`: the same step on the same shapes, in a process of its own.

Arguments: the workload as JSON, `eager` or `compiled`, threads. The protocol is train-run.ts's.

As one would write it for speed: a Llama in the arithmetic of transformers' modeling_llama.py with fused scaled
dot-product attention, tied embeddings, logits only at the positions that carry loss, fused AdamW, clipping by the
global norm. Adapters are peft's: base(x) + alpha / rank * B(A(x)), the base frozen.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Lora(nn.Module):
    def __init__(self, base, rank):
        super().__init__()
        self.base = base
        self.A = nn.Linear(base.in_features, rank, bias=False)
        self.B = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.B.weight)
        self.scale = 2.0

    def forward(self, x):
        return self.base(x) + self.B(self.A(x)) * self.scale


class Block(nn.Module):
    def __init__(self, c, rank):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = c["heads"], c["kvHeads"], c["headDim"]

        def linear(inner, out):
            base = nn.Linear(inner, out, bias=False)
            return Lora(base, rank) if rank else base

        d, f = c["hidden"], c["intermediate"]
        self.q = linear(d, self.heads * self.head_dim)
        self.k = linear(d, self.kv_heads * self.head_dim)
        self.v = linear(d, self.kv_heads * self.head_dim)
        self.o = linear(self.heads * self.head_dim, d)
        self.gate, self.up, self.down = linear(d, f), linear(d, f), linear(f, d)
        self.norm1 = nn.RMSNorm(d, eps=c["rmsEps"])
        self.norm2 = nn.RMSNorm(d, eps=c["rmsEps"])

    def forward(self, x, cos, sin):
        b, t, _ = x.shape
        h = self.norm1(x)

        def heads(y, n):
            return y.view(b, t, n, self.head_dim).transpose(1, 2)

        q = rotate(heads(self.q(h), self.heads), cos, sin)
        k = rotate(heads(self.k(h), self.kv_heads), cos, sin)
        v = heads(self.v(h), self.kv_heads)
        grouped = self.heads != self.kv_heads
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
        x = x + self.o(y.transpose(1, 2).reshape(b, t, -1))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


def rotate(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-b, a), dim=-1) * sin


class Llama(nn.Module):
    def __init__(self, c, time_steps, lora):
        super().__init__()
        self.embed = nn.Embedding(c["vocab"], c["hidden"])
        first = c["layers"] - (lora["layers"] if lora else c["layers"])
        self.blocks = nn.ModuleList(
            Block(c, lora["rank"] if lora and i >= first else 0) for i in range(c["layers"])
        )
        self.norm = nn.RMSNorm(c["hidden"], eps=c["rmsEps"])
        half = c["headDim"] // 2
        angles = torch.arange(time_steps)[:, None] * c["ropeTheta"] ** (-torch.arange(half) / half)
        self.register_buffer("cos", torch.cat((angles, angles), -1).cos())
        self.register_buffer("sin", torch.cat((angles, angles), -1).sin())

    def forward(self, ids, rows, labels):
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        x = x.reshape(-1, x.shape[-1])
        if rows is not None:
            x = x[rows]
        return F.cross_entropy(self.norm(x) @ self.embed.weight.T, labels)


def main():
    workload, mode = json.loads(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(int(sys.argv[3]))
    torch.manual_seed(1)
    c, lora = workload["config"], workload["lora"]
    batch, length, rows = (workload["shape"][k] for k in ("batch", "time", "rows"))
    model = Llama(c, length, lora)
    for name, p in model.named_parameters():
        if p.dim() > 1 and ".B." not in name:
            nn.init.normal_(p, std=0.02)
        if lora:
            p.requires_grad_(".A." in name or ".B." in name)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.01, fused=True)
    ids = torch.randint(0, c["vocab"], (batch, length))
    labels = torch.randint(0, c["vocab"], (rows,))
    each = rows // batch
    positions = None
    if rows < batch * length:
        positions = torch.cat([torch.arange(i * length + length - each, (i + 1) * length) for i in range(batch)])
    forward = torch.compile(model) if mode == "compiled" else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(ids, positions, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        return loss.item()

    for _ in range(2):
        step()
    say({"torch": torch.__version__, "parameters": sum(p.numel() for p in trained)})
    rest = time.perf_counter(), time.process_time()
    for line in sys.stdin:
        waited = {
            "ms": 1000 * (time.perf_counter() - rest[0]),
            "cpuMs": 1000 * (time.process_time() - rest[1]),
        }
        begin = time.perf_counter()
        step()
        first = 1000 * (time.perf_counter() - begin)
        ms = []
        before = time.process_time()
        for _ in range(int(line)):
            begin = time.perf_counter()
            step()
            ms.append(1000 * (time.perf_counter() - begin))
        cpu = 1000 * (time.process_time() - before) / len(ms)
        say({"ms": ms, "firstMs": first, "cpuMs": cpu, "peakRssMb": peak_mb(), "waited": waited})
        rest = time.perf_counter(), time.process_time()


def peak_mb():
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))


def say(message):
    print(json.dumps(message), flush=True)


main()
