"""Adapters between Knack and peft: a golden adapter that peft trained, and the check of one that Knack trained.

    python scripts/golden/adapter.py make test/golden/peft
    python scripts/golden/adapter.py check FOLDER

Needs torch, transformers, peft and safetensors.

`make` writes a small Llama (base/config.json, base/model.safetensors), an adapter that peft trained on it for 30 AdamW
steps (adapter/, as peft saves it) and values.safetensors: ids int64 (2, 12), and logits float32 (2, 12, vocab) of the
base and of the base with the adapter.

`check` reads FOLDER/base and FOLDER/adapter, an adapter that Knack wrote, loads both with transformers and peft, and
compares their logits with those that Knack computed (FOLDER/knack.safetensors: ids, logits). Prints JSON; ends with 1
if they differ by more than 1e-4.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def make(folder):
    torch.manual_seed(11)
    config = LlamaConfig(
        vocab_size=96, hidden_size=32, intermediate_size=56, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, rope_theta=10000.0,
        tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, attn_implementation="eager",
    )
    model = LlamaForCausalLM(config).float().eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.uniform_(0.5, 1.5) if "norm" in name else p.normal_(0, 0.5 if "embed" in name else 0.25)
    model.save_pretrained(folder / "base")
    (folder / "base" / "generation_config.json").unlink(missing_ok=True)
    ids = torch.randint(0, 96, (2, 12))
    base_logits = model(ids).logits.detach()

    adapted = get_peft_model(
        model,
        LoraConfig(r=4, lora_alpha=6, target_modules=TARGETS, layers_to_transform=[1, 2], task_type="CAUSAL_LM"),
    )
    optimizer = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(30):
        optimizer.zero_grad()
        adapted(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    adapted.eval()
    adapted.save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").unlink(missing_ok=True)
    logits = adapted(ids).logits.detach()
    save_file({"ids": ids, "base_logits": base_logits, "logits": logits}, folder / "values.safetensors")


def check(folder):
    model = LlamaForCausalLM.from_pretrained(folder / "base", dtype=torch.float32, attn_implementation="eager")
    values = load_file(folder / "knack.safetensors")
    ids = values["ids"].long()
    with torch.no_grad():
        base = model(ids).logits
        adapted = PeftModel.from_pretrained(model, str(folder / "adapter")).eval()
        logits = adapted(ids).logits
    difference = float((logits - values["logits"]).abs().max())
    moved = float((logits - base).abs().max())
    import peft

    print(json.dumps({"peft": peft.__version__, "largestDifference": difference, "adapterMovesLogitsBy": moved}))
    return 0 if difference < 1e-4 and moved > 0.1 else 1


if __name__ == "__main__":
    verb, where = sys.argv[1], Path(sys.argv[2])
    sys.exit(make(where) if verb == "make" else check(where))
