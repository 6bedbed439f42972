"""Golden values of a small Llama and a small Qwen 2, from transformers and PyTorch autograd.

    python scripts/golden/network.py test/golden/network

Needs torch, transformers, safetensors and numpy. Writes <family>.safetensors, all float32 or int64:
  weight/<name>            the network's weights
  batch/...                ids, rows, labels, weight of one batch
  logits, loss             of the base at those rows
  grad/<name>              of that loss by every weight
  trained/<name>, losses   after 100 AdamW steps on every weight, and each step's loss
  lora/<name>              an adapter, with lora_loss, lora_logits, lora_grad/<name>
  lora_trained/<name>, lora_losses, lora_norms   after 100 AdamW steps on the adapter
  kto/..., kto_loss, kto_logprob, kto_grad/<name>
and <family>.json, the model's config.json with the numbers above that are not tensors; rotary.json, frequencies and
angles of positions 0, 1, 511 and 8191.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

STEPS = 100
ADAM = {"lr": 5e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.1}
MAX_NORM = 0.5
LORA = {"rank": 4, "alpha": 6, "layers": [1]}
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

COMMON = dict(num_hidden_layers=2, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, attn_implementation="eager")
MODELS = {
    "llama": lambda: LlamaForCausalLM(
        LlamaConfig(
            vocab_size=96, hidden_size=32, intermediate_size=56, num_attention_heads=4, num_key_value_heads=2, head_dim=10,
            rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False, **COMMON,
        )
    ),
    "qwen2": lambda: Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=80, hidden_size=36, intermediate_size=44, num_attention_heads=6, num_key_value_heads=2,
            rms_norm_eps=1e-6, rope_theta=1e6, tie_word_embeddings=True, **COMMON,
        )
    ),
}


class Lora(torch.nn.Module):
    """x W^T + b + alpha/rank (x A^T) B^T"""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base, self.scale = base, alpha / rank
        self.A = torch.nn.Parameter(torch.randn(rank, base.in_features) * 0.2)
        self.B = torch.nn.Parameter(torch.randn(base.out_features, rank) * 0.2)

    def forward(self, x):
        return self.base(x) + self.scale * F.linear(F.linear(x, self.A), self.B)


def randomise(model):
    """Values large enough that every path matters."""
    for name, parameter in model.named_parameters():
        with torch.no_grad():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.normal_(0, 0.5 if "embed" in name else 0.25)


def train(parameters, loss_of):
    optimizer = torch.optim.AdamW(parameters, **ADAM)
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, MAX_NORM)))
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses), torch.tensor(norms)


def golden(family, folder):
    torch.manual_seed(7)
    model = MODELS[family]().float().eval()
    randomise(model)
    vocab = model.config.vocab_size
    out = {f"weight/{name}": p.detach().clone() for name, p in model.named_parameters()}
    start = {name: p.detach().clone() for name, p in model.named_parameters()}

    batch, time, count = 3, 14, 20
    ids = torch.randint(0, vocab // 2, (batch, time))  # duplicates
    rows = torch.sort(torch.randperm(batch * time)[: count - 3])[0]
    rows = torch.cat([rows, torch.tensor([rows[0], 0, 0])])  # one row twice, two of padding
    labels = torch.randint(0, vocab, (count,))
    weight = torch.rand(count) / count
    weight[-2:] = 0
    out |= {"batch/ids": ids, "batch/rows": rows, "batch/labels": labels, "batch/weight": weight}

    def row_logits():
        return model(ids).logits.reshape(batch * time, vocab)[rows]

    def cross_entropy():
        return (weight * F.cross_entropy(row_logits(), labels, reduction="none")).sum()

    out["logits"] = row_logits()
    loss = cross_entropy()
    loss.backward()
    out["loss"] = loss
    for name, p in model.named_parameters():
        out[f"grad/{name}"] = p.grad.clone()
    out["losses"], out["norms"] = train(list(model.parameters()), cross_entropy)
    for name, p in model.named_parameters():
        out[f"trained/{name}"] = p.detach().clone()

    # The adapter, on the weights from before.
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(start[name])
    model.requires_grad_(False)
    adapter = {}
    for layer in LORA["layers"]:
        block = model.model.layers[layer]
        for target in TARGETS:
            parent = block.mlp if target in ("gate_proj", "up_proj", "down_proj") else block.self_attn
            module = Lora(getattr(parent, target), LORA["rank"], LORA["alpha"])
            setattr(parent, target, module)
            where = "mlp" if parent is block.mlp else "self_attn"
            name = f"base_model.model.model.layers.{layer}.{where}.{target}"
            adapter |= {f"{name}.lora_A.weight": module.A, f"{name}.lora_B.weight": module.B}
    first = {name: p.detach().clone() for name, p in adapter.items()}
    out |= {f"lora/{name}": p for name, p in first.items()}

    def gradients(loss, prefix):
        for p in adapter.values():
            p.grad = None
        loss.backward()
        out.update({f"{prefix}/{name}": p.grad.clone() for name, p in adapter.items()})

    out["lora_logits"] = row_logits()
    out["lora_loss"] = cross_entropy()
    gradients(cross_entropy(), "lora_grad")

    # KTO as in TRL's KTOTrainer.kto_loss, with its reference point z (there `kl`) given and a weight an example.
    beta, z = 0.3, 0.4
    sequence = torch.div(rows, time, rounding_mode="floor")
    sequence[-2:] = batch  # padding belongs to no example
    label = torch.tensor([1.0, -1.0, 1.0])
    example_weight = torch.tensor([0.5, 0.8, 0.3])
    logprobs = F.log_softmax(row_logits(), -1).gather(1, labels[:, None])[:, 0]
    sums = torch.zeros(batch + 1).index_add(0, sequence, logprobs)[:batch]
    reference = sums.detach() + torch.tensor([1.5, -2.0, 0.7])  # where the sigmoid is not flat
    logratios = sums - reference
    losses = torch.where(label > 0, 1 - F.sigmoid(beta * (logratios - z)), 1 - F.sigmoid(beta * (z - logratios)))
    kto_loss = (example_weight * losses).sum()
    gradients(kto_loss, "kto_grad")
    out |= {"kto/sequence": sequence, "kto/reference": reference, "kto/label": label, "kto/weight": example_weight}
    out |= {"kto_loss": kto_loss, "kto_logprob": sums}

    out["lora_losses"], out["lora_norms"] = train(list(adapter.values()), cross_entropy)
    out |= {f"lora_trained/{name}": p for name, p in adapter.items()}

    save_file({k: v.detach().contiguous() for k, v in out.items()}, folder / f"{family}.safetensors")
    numbers = {"steps": STEPS, "adam": ADAM, "maxNorm": MAX_NORM, "kto": {"beta": beta, "z": z},
               "lora": LORA | {"targets": TARGETS}, "batch": batch, "time": time, "rows": count}
    text = json.dumps({"config": json.loads(model.config.to_json_string()), **numbers}, indent=1)
    (folder / f"{family}.json").write_text(text + "\n")


def rotary(folder):
    """Rotary frequencies of transformers for each kind of scaling that its configs may ask for."""
    common = {"head_dim": 16, "hidden_size": 64, "num_attention_heads": 4, "max_position_embeddings": 8192}
    scalings = {
        "default": {"rope_type": "default", "rope_theta": 100000.0},
        "linear": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0},
        "llama3": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
                   "high_freq_factor": 4.0, "original_max_position_embeddings": 1024},
        "dynamic": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0},
        "yarn": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 2048},
        "yarn, its own bounds": {"rope_type": "yarn", "rope_theta": 1e6, "factor": 2.0, "beta_fast": 16.0,
                                 "beta_slow": 2.0, "truncate": False, "attention_factor": 1.25,
                                 "original_max_position_embeddings": 4096},
    }
    cases = {}
    for name, scaling in scalings.items():
        config = LlamaConfig(**common, rope_parameters=scaling)
        embedding = LlamaRotaryEmbedding(config)
        cos, sin = embedding(torch.zeros(1), torch.tensor([[0, 1, 511, 8191]]))
        half = cos.shape[-1] // 2
        cases[name] = {"config": json.loads(config.to_json_string()), "frequencies": embedding.inv_freq.tolist(),
                       "cos": cos[0, :, :half].tolist(), "sin": sin[0, :, :half].tolist()}
    (folder / "rotary.json").write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    rotary(target)
    for each in MODELS:
        golden(each, target)
