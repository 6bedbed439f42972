"""Makes test/golden/quant: small models in GGUF, and what the reference makes of them.

    python scripts/golden/quant.py          (needs: gguf, numpy, safetensors, torch, transformers)

blocks.json: random blocks of each format and their fp32 values by gguf-py.
llama/, qwen2/: a model of random weights as model.gguf, its tensors in F32, F16, Q8_0, Q4_0 and Q4_1 by turns and
laid out as llama.cpp's converter does, beside the same dequantised weights as a Hugging Face folder. transformers'
own GGUF loader must agree with the folder.
"""

import base64
import json
import pathlib
import tempfile

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

OUT = pathlib.Path(__file__).parents[2] / "test/golden/quant"
FORMATS = [Type.F32, Type.F16, Type.Q8_0, Type.Q4_0, Type.Q4_1]
# Bytes at which a block's half-precision numbers begin, and how many there are.
HALVES = {Type.Q8_0: (0, 1), Type.Q4_0: (0, 1), Type.Q4_1: (0, 2), Type.Q5_0: (0, 1), Type.Q5_1: (0, 2),
          Type.Q4_K: (0, 2), Type.Q5_K: (0, 2), Type.Q6_K: (208, 1)}
SHAPE = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 128}


def blocks(random):
    """Random quants under finite scales, subnormal and negative ones among them."""
    cases = []
    for kind in FORMATS + [kind for kind in [Type.BF16, *HALVES] if kind not in FORMATS]:
        values, size = gguf.GGML_QUANT_SIZES[kind]
        count = max(48 * 32, 6 * values) // values
        raw = random.integers(0, 256, (count, size), dtype=np.uint8)
        at, scales = HALVES.get(kind, (0, 0))
        if scales:
            half = (random.standard_normal((count, scales)) * 10.0 ** random.integers(-7, 4, (count, scales))).astype(np.float16)
            raw[:, at : at + 2 * scales] = half.view(np.uint8)
        else:
            numbers = random.standard_normal(count) * 10.0 ** random.integers(-7, 4, count)
            raw = gguf.quantize(numbers.astype(np.float32), kind).view(np.uint8).reshape(count, size)
        expected = gguf.dequantize(raw.reshape(1, -1).view(np.float32) if kind == Type.F32
                                   else raw.reshape(1, -1).view(np.float16) if kind == Type.F16 else raw.reshape(1, -1), kind)
        cases.append({"format": kind.name, "bytes": base64.b64encode(raw.tobytes()).decode(),
                      "values": base64.b64encode(expected.astype("<f4").tobytes()).decode()})
    return cases


def vocabulary():
    """The byte alphabet, a few merges, two control tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("Ċ", "Ċ"), ("Ġ", "Ġ")]
    return ["<|endoftext|>", "<|im_end|>"] + alphabet + ["".join(pair) for pair in merges], merges


def permute(weights, heads):
    """As llama.cpp's convert_hf_to_gguf.py does to q and k of Llama."""
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weights.shape)


def model(family, random):
    folder = OUT / family
    folder.mkdir(parents=True, exist_ok=True)
    tokens, merges = vocabulary()
    common = dict(SHAPE, vocab_size=len(tokens), bos_token_id=0, eos_token_id=1)
    # Llama with tied embeddings, Qwen 2 with a head of its own and biases.
    config = LlamaConfig(**common, tie_word_embeddings=True, rms_norm_eps=1e-5, rope_theta=100000.0) if family == "llama" \
        else Qwen2Config(**common, tie_word_embeddings=False, rms_norm_eps=1e-6, rope_theta=1000000.0)
    network = AutoModelForCausalLM.from_config(config)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA if family == "llama" else gguf.MODEL_ARCH.QWEN2, config.num_hidden_layers)

    writer = gguf.GGUFWriter(folder / "model.gguf", family)
    writer.add_name(f"small {family}")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if family == "llama":
        writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm" if family == "llama" else "qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3] + [1] * (len(tokens) - 2))
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)

    dequantised, turn = {}, 0
    for name, parameter in network.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = (random.standard_normal(tuple(parameter.shape)) * 0.05 + (parameter.ndim == 1)).astype(np.float32)
        heads = {"q_proj.weight": config.num_attention_heads, "k_proj.weight": config.num_key_value_heads}.get(
            ".".join(name.split(".")[-2:])) if family == "llama" else None
        kind = Type.F32 if values.ndim == 1 else FORMATS[turn % len(FORMATS)]
        turn += values.ndim == 2
        raw = gguf.quantize(permute(values, heads) if heads else values, kind)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), raw, raw_dtype=kind)
        # Rows are quantised one by one, so the order of rows does not matter to their values.
        dequantised[name] = gguf.dequantize(gguf.quantize(values, kind), kind).astype(np.float32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    save_file(dequantised, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config.to_dict(), indent=1) + "\n")
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.add_special_tokens(tokens[:2])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(False)])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)

    loaded = AutoModelForCausalLM.from_pretrained(folder, gguf_file="model.gguf", dtype=torch.float32).state_dict()
    for name, values in dequantised.items():
        assert np.array_equal(loaded[name].numpy(), values), name
    print(family, len(dequantised), "tensors, as transformers reads them")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(20251123)
    (OUT / "blocks.json").write_text(json.dumps(blocks(random)) + "\n")
    for family in ("llama", "qwen2"):
        model(family, random)


if __name__ == "__main__":
    main()
