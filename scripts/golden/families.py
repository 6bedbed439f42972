"""Makes test/golden/families: small models in the files that people have, and transformers' logits of them.

    python scripts/golden/families.py          (needs: gguf, numpy, torch, transformers)

golden.json: for each case a file (or the folder of test/golden/quant with changes to its config.json), token ids, and the
logits at a few positions, by transformers in fp32 on the same dequantised weights. Cases: each family as it is; each way
of scaling rotary positions, from a config.json and from GGUF keys as llama.cpp's converter writes them; each format of
numbers. gguf-py writes no K formats, so their blocks are random bytes under finite scales, which is what a test of
reading them wants.
"""

import base64
import json
import math
import pathlib

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from quant import HALVES, permute, vocabulary
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

ROOT = pathlib.Path(__file__).parents[2] / "test/golden"
OUT = ROOT / "families"
POSITIONS = [0, 1, 17, 60, 111]
LENGTH = 112

LINEAR = {"rope_type": "linear", "factor": 4.0}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}


def config_of(family, rope=None, hidden=64, intermediate=96, layers=2, **changes):
    theta = {"llama": 10000.0, "qwen2": 1000000.0}[family]
    common = dict(hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=layers, num_attention_heads=4,
                  num_key_value_heads=2, max_position_embeddings=128, vocab_size=len(vocabulary()[0]), bos_token_id=0,
                  eos_token_id=1, attn_implementation="eager", rope_parameters={"rope_theta": theta, **(rope or {"rope_type": "default"})})
    make = LlamaConfig if family == "llama" else Qwen2Config
    return make(**common, tie_word_embeddings=family == "llama", rms_norm_eps=1e-5, **changes)


def logits_of(config, weights, ids):
    model = AutoModelForCausalLM.from_config(config).float().eval()
    state = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, POSITIONS].float().numpy()
    assert np.abs(logits).max() > 1
    return logits


def k_rows(random, shape, kind):
    """Random blocks of a format, with scales under which values are about 0.05."""
    values, size = gguf.GGML_QUANT_SIZES[kind]
    raw = random.integers(0, 256, (shape[0], shape[1] // values, size), dtype=np.uint8)
    at, count = HALVES[kind]
    # What a value is in units of the block's scale, roughly; and the middle that a minimum has to take away.
    unit, middle = {Type.Q4_K: (150, 7.5 * 32), Type.Q5_K: (300, 15.5 * 32), Type.Q6_K: (1400, 0), Type.Q5_0: (9.2, 0),
                    Type.Q5_1: (9.2, 15.5)}[kind]
    scale = 0.05 / unit * random.uniform(0.5, 1.5, raw.shape[:2])
    half = np.stack([scale, scale * (middle / 32 if kind in (Type.Q4_K, Type.Q5_K) else -middle)], -1)[..., :count]
    raw[..., at : at + 2 * count] = half.astype(np.float16).view(np.uint8).reshape(*raw.shape[:2], 2 * count)
    return raw.reshape(shape[0], -1)


def write(path, family, config, formats, random):
    """A GGUF file as llama.cpp's converter lays it out; returns the weights that it holds."""
    tokens, merges = vocabulary()
    rope = config.rope_parameters
    writer = gguf.GGUFWriter(path, family)
    writer.add_name(path.stem)
    writer.add_license("mit")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(rope["rope_theta"])
    half = config.hidden_size // config.num_attention_heads // 2
    if family == "llama":
        writer.add_rope_dimension_count(2 * half)
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if rope["rope_type"] == "llama3":
        # The converter's own rule (LlamaModel.generate_extra_tensors).
        low, high = (rope["original_max_position_embeddings"] / rope[f"{name}_freq_factor"] for name in ("low", "high"))
        factors = []
        for i in range(half):
            wavelength = 2 * math.pi * rope["rope_theta"] ** (i / half)
            smooth = (rope["original_max_position_embeddings"] / wavelength - rope["low_freq_factor"]) / (
                rope["high_freq_factor"] - rope["low_freq_factor"])
            factors.append(1.0 if wavelength < high else rope["factor"] if wavelength > low
                           else 1 / ((1 - smooth) / rope["factor"] + smooth))
        writer.add_tensor("rope_freqs.weight", np.array(factors, np.float32))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm" if family == "llama" else "qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3] + [1] * (len(tokens) - 2))
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA if family == "llama" else gguf.MODEL_ARCH.QWEN2, config.num_hidden_layers)
    weights, turn = {}, 0
    for name, parameter in AutoModelForCausalLM.from_config(config).state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        shape = tuple(parameter.shape)
        kind = Type.F32 if len(shape) == 1 else formats[turn % len(formats)]
        turn += len(shape) == 2
        if kind in (Type.Q4_K, Type.Q5_K, Type.Q6_K):
            raw = k_rows(random, shape, kind)
        else:
            # Queries and keys large enough that attention is not even: then positions matter.
            size = 0.4 if "q_proj.weight" in name or "k_proj.weight" in name else 0.05
            values = (random.standard_normal(shape) * size + (len(shape) == 1)).astype(np.float32)
            raw = gguf.quantize(values, kind)
        values = gguf.dequantize(raw, kind).astype(np.float32)
        assert len(shape) == 1 or 0.02 < values.std() < 0.5, (name, kind, values.std())
        heads = {"q_proj.weight": config.num_attention_heads, "k_proj.weight": config.num_key_value_heads}.get(
            ".".join(name.split(".")[-2:])) if family == "llama" else None
        # Rows are quantised one by one, so that reordering them reorders their bytes.
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), permute(raw, heads) if heads else raw, raw_dtype=kind)
        weights[name] = values
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(20261124)
    torch.manual_seed(0)
    cases = []

    ids = random.integers(0, len(vocabulary()[0]), LENGTH).tolist()

    def add(name, source, config, weights):
        logits = logits_of(config, weights, ids)
        theta = {"rope_type": "default", "rope_theta": config.rope_parameters["rope_theta"]}
        plain = logits_of(type(config)(**{**config.to_dict(), "rope_parameters": theta, "attn_implementation": "eager"}), weights, ids)
        scaled = float(np.abs(logits - plain).max())
        cases.append({"name": name, **source, "scalingMatters": scaled, "logits": base64.b64encode(logits.astype("<f4").tobytes()).decode()})
        print(name, scaled)

    for family in ("llama", "qwen2"):
        folder = ROOT / "quant" / family
        weights = load_file(folder / "model.safetensors")
        own = json.loads((folder / "config.json").read_text())
        for name, rope in {"default": {"rope_type": "default"}, "linear": LINEAR, "llama3": LLAMA3, "yarn": YARN}.items():
            changes = {"rope_parameters": {"rope_theta": own["rope_parameters"]["rope_theta"], **rope}}
            config = (LlamaConfig if family == "llama" else Qwen2Config)(**{**own, **changes, "attn_implementation": "eager"})
            add(f"{family}, a folder, {name} positions", {"folder": family, "config": changes}, config, weights)

    for family, name, rope in [("llama", "linear", LINEAR), ("llama", "llama3", LLAMA3), ("llama", "yarn", YARN), ("qwen2", "yarn", YARN)]:
        config = config_of(family, rope)
        file = f"{family}-{name}.gguf"
        add(f"{family}, GGUF, {name} positions", {"file": file}, config, write(OUT / file, family, config, [Type.Q8_0], random))

    # One model a format would be large; one with all of them by turns shows the same, and each format alone in one matrix.
    config = config_of("llama", hidden=256, intermediate=256, layers=1)
    formats = [Type.Q4_K, Type.Q5_K, Type.Q6_K, Type.Q5_0, Type.Q5_1, Type.BF16]
    add("llama, GGUF, Q4_K Q5_K Q6_K Q5_0 Q5_1 BF16", {"file": "llama-k.gguf"}, config, write(OUT / "llama-k.gguf", "llama", config, formats, random))
    for kind in formats + [Type.Q4_0, Type.Q4_1, Type.Q8_0, Type.F16]:
        config = config_of("qwen2", hidden=256 if kind in (Type.Q4_K, Type.Q5_K, Type.Q6_K) else 64,
                           intermediate=256 if kind in (Type.Q4_K, Type.Q5_K, Type.Q6_K) else 32, layers=1)
        file = f"qwen2-{kind.name}.gguf"
        add(f"qwen2, GGUF, all of it {kind.name}", {"file": file}, config, write(OUT / file, "qwen2", config, [kind], random))

    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    (OUT / "golden.json").write_text(f'{{ "positions": {json.dumps(POSITIONS)},\n "ids": {json.dumps(ids)},\n "cases": [\n{lines}\n] }}\n')


if __name__ == "__main__":
    main()
