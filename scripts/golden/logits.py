"""Makes test/golden/logits: what transformers computes from the default model, dequantised to fp32, over real code.

    python scripts/golden/logits.py MODEL.gguf          (needs: gguf, safetensors, torch, transformers)

One prompt of 512 tokens a language, from the corpus of test/golden/tokenizer. For each position: the log-sum-exp of the
logits, the logits of 64 fixed tokens, and the eight likeliest tokens, in fp32 (token ids as fp32 as well: exact).
"""

import gzip
import json
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import LlamaForCausalLM

ROOT = pathlib.Path(__file__).parents[2] / "test/golden"
sys.path.insert(0, str(pathlib.Path(__file__).parent))

LANGUAGES = ["typescript", "javascript", "python", "rust", "go", "markdown"]
TOKENS = 512


def main():
    path = pathlib.Path(sys.argv[1])
    import gguf
    from tokenizer import build

    fields = gguf.GGUFReader(path).fields
    tokenizer = build(*(fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type", "merges")), "smollm")
    torch.manual_seed(0)
    torch.set_num_threads(2)
    model = LlamaForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager").eval()
    documents = [json.loads(line) for line in gzip.open(ROOT / "tokenizer/corpus.jsonl.gz", "rt", encoding="utf-8", newline="")]

    # The same 64 tokens everywhere: the ends of the vocabulary and others by a fixed rule.
    sampled = sorted({0, 1, 2, 49151} | {(7919 * i + 104729) % 49152 for i in range(60)})
    assert len(sampled) == 64
    tensors, prompts = {}, []
    for language in LANGUAGES:
        document, ids = next(
            (document, ids) for document in documents if document["language"] == language
            and len(ids := tokenizer(document["text"], add_special_tokens=False).input_ids) >= TOKENS)
        ids = ids[:TOKENS]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0].float()
        tensors[f"{language}.logsumexp"] = logits.double().logsumexp(-1).float().numpy()
        tensors[f"{language}.logits"] = logits[:, sampled].contiguous().numpy()
        tensors[f"{language}.top"] = logits.topk(8).indices.float().numpy()
        prompts.append({"language": language, "repo": document["repo"], "path": document["path"], "ids": ids})
        nll = -torch.log_softmax(logits[:-1], -1)[range(TOKENS - 1), ids[1:]].mean().item()
        print(f"{language}: {document['path']}, {nll:.3f} nats a token, logits {logits.min():.1f} to {logits.max():.1f}")
    (ROOT / "logits").mkdir(exist_ok=True)
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in tensors.items()}, ROOT / "logits/golden.safetensors")
    lines = ",\n".join("  " + json.dumps(prompt) for prompt in prompts)
    (ROOT / "logits/golden.json").write_text(f'{{ "sampled": {json.dumps(sampled)},\n "prompts": [\n{lines}\n] }}\n')


if __name__ == "__main__":
    main()
