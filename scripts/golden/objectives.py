"""Golden values of the training objectives: loss and gradient by the logits.

    python scripts/golden/objectives.py test/golden/objectives

Needs torch, safetensors and trl (1.16). KTO is TRL's own KTOTrainer._compute_loss, the divergences are its
GKDTrainer.generalized_jsd_loss over k + 1 places; the clipped policy gradient is written out. Writes
objectives.safetensors and objectives.json.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from trl.experimental.gkd.gkd_trainer import GKDTrainer
from trl.trainer.kto_trainer import KTOTrainer

EXAMPLES, ROWS, VOCAB, K = 4, 7, 40, 5
COUNT = EXAMPLES * ROWS
out, numbers = {}, {"examples": EXAMPLES, "rows": ROWS, "vocab": VOCAB, "k": K}


def record(name, loss, logits):
    (gradient,) = torch.autograd.grad(loss, logits)
    out[f"{name}/loss"], out[f"{name}/gradient"] = loss, gradient


class Rows(torch.nn.Module):
    """A model whose logits are given: what TRL's loss asks of one."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits  # (examples, rows, vocab)

    def forward(self, labels, **_):
        logprobs = F.log_softmax(self.logits, -1)
        labels = labels[:, 1:]
        picked = logprobs.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
        entropy = -(logprobs.exp() * logprobs).sum(-1)
        return SimpleNamespace(log_probs=picked * (labels >= 0), entropy=entropy, mean_logits=self.logits.mean(-1))


def kto(logits, labels):
    beta, desirable, undesirable = 0.3, 1.2, 0.7
    rows = logits.reshape(EXAMPLES, ROWS, VOCAB)
    model = Rows(rows)
    # Each example's first tokens are prompt, as its mask says.
    mask = torch.ones(EXAMPLES, ROWS + 1, dtype=torch.long)
    mask[:, 0] = 0
    mask[1, :3] = 0
    mask[2, :6] = 0
    ids = torch.cat([torch.zeros(EXAMPLES, 1, dtype=torch.long), labels.reshape(EXAMPLES, ROWS)], 1)
    with torch.no_grad():
        sums = model(ids.masked_fill(mask == 0, -100)).log_probs.sum(-1)
        kl_sums = model(ids.roll(1, 0).masked_fill(mask == 0, -100)).log_probs.sum(-1)
    reference = sums + torch.tensor([1.5, -2.0, 0.7, -1.0])
    label = torch.tensor([True, False, False, True])
    trainer = SimpleNamespace(
        model=model, beta=beta, loss_type="kto", desirable_weight=desirable, undesirable_weight=undesirable,
        calculate_KL=True, precompute_ref_logps=True, aux_loss_enabled=False, _total_train_tokens=0, _tp_size=1,
        _metrics=defaultdict(lambda: defaultdict(list)),
        accelerator=SimpleNamespace(device=torch.device("cpu"), gather_for_metrics=lambda x: x),
    )
    trainer._compute_kl_logps = lambda model, batch: KTOTrainer._compute_kl_logps(trainer, model, batch)
    batch = {
        "input_ids": ids, "attention_mask": torch.ones_like(ids), "completion_mask": mask, "label": label,
        "KL_input_ids": ids.roll(1, 0), "KL_attention_mask": torch.ones_like(ids), "KL_completion_mask": mask,
        "ref_logps": reference, "ref_KL_logps": kl_sums - 0.4,
    }
    loss = KTOTrainer._compute_loss(trainer, model, batch, False)
    record("kto", loss, logits)
    sequence = torch.arange(EXAMPLES)[:, None].expand(EXAMPLES, ROWS).masked_fill(mask[:, 1:] == 0, EXAMPLES)
    sign = torch.where(label, 1.0, -1.0)
    out["kto/sequence"], out["kto/label"], out["kto/reference"] = sequence.reshape(-1), sign, reference
    # TRL's weights, and its mean over the examples.
    out["kto/weight"] = torch.where(label, desirable, undesirable) / EXAMPLES
    out["kto/logprob"] = sums
    numbers["kto"] = {"beta": beta, "z": trainer._metrics["train"]["kl"][0]}


def policy(logits, labels, weight):
    clip, kl_weight = 0.2, 0.15
    logprobs = F.log_softmax(logits, -1).gather(1, labels[:, None])[:, 0]
    # Ratios on both sides of the clip, with advantages of both signs.
    old = logprobs.detach() + torch.randn(COUNT) * 0.3
    reference = logprobs.detach() + torch.randn(COUNT) * 0.5
    advantage = torch.randn(COUNT)
    ratio = torch.exp(logprobs - old)
    surrogate = torch.min(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    kl = torch.exp(reference - logprobs) - (reference - logprobs) - 1
    record("policy", (weight * (kl_weight * kl - surrogate)).sum(), logits)
    out["policy/old"], out["policy/reference"], out["policy/advantage"] = old, reference, advantage
    out["policy/kl"] = (weight * kl).sum()
    cut = ratio * advantage > ratio.clamp(1 - clip, 1 + clip) * advantage
    out["policy/clipped"] = (weight * cut).sum()
    numbers["policy"] = {"clip": clip, "klWeight": kl_weight}


def distillation(logits, weight):
    teacher = F.log_softmax(torch.randn(COUNT, VOCAB) * 2, -1)
    top, ids = teacher.topk(K)
    out["teacher/ids"], out["teacher/logprobs"] = ids, top

    def with_tail(logprobs):
        return torch.cat([logprobs, torch.log1p(-logprobs.exp().sum(-1, keepdim=True))], -1)

    for name, beta in {"forward": 0.0, "reverse": 1.0, "jsd": 0.3}.items():
        student = with_tail(F.log_softmax(logits, -1).gather(1, ids))
        places = GKDTrainer.generalized_jsd_loss(student, with_tail(top), beta=beta, reduction="none")
        record(name, (weight * places.sum(-1)).sum(), logits)
    numbers["jsd"] = 0.3


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    logits = (torch.randn(COUNT, VOCAB) * 2).requires_grad_()
    labels = torch.randint(0, VOCAB, (COUNT,))
    weight = torch.rand(COUNT) / COUNT
    weight[-3:] = 0
    out |= {"logits": logits, "labels": labels, "weight": weight}
    record("crossEntropy", (weight * F.cross_entropy(logits, labels, reduction="none")).sum(), logits)
    kto(logits, labels)
    policy(logits, labels, weight)
    distillation(logits, weight)
    save_file({k: v.detach().contiguous() for k, v in out.items()}, folder / "objectives.safetensors")
    (folder / "objectives.json").write_text(json.dumps(numbers, indent=1) + "\n")
