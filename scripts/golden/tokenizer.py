"""Makes test/golden/tokenizer/golden.json: what the reference implementation makes of the corpus and of hard texts.

    python scripts/golden/tokenizer.py MODEL.gguf          (needs: gguf, tokenizers, transformers)

The file has SmolLM2's vocabulary and merges; the way of cutting text before merging ("pre") is known by name only. Here
it is built from the Rust library's own parts, Digits(individual_digits) + ByteLevel for "smollm", and compared with what
transformers makes of the same file by itself. The other ways of cutting are run with the same vocabulary, so that their
patterns are compared as well.
"""

import gzip
import hashlib
import json
import pathlib
import struct
import sys

from gguf import GGUFReader
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parents[2] / "test/golden/tokenizer"

HARD = [
    "", " ", "  ", "\n", "\r\n", "\t\t\tx", "a  b   c    d", "x = 12345;\n\n  foo", "\r\n\r\n  }\r\n", "   \n   \n",
    "I'm we'll it's he'd they've you're can't I'M WE'LL 's 't", "０１２ ٣٤٥ ⅷ ² x²y³ ½ ① 1a2b3c",
    "\ufeffusing System;\ufeff x", "a\u0085b \u0085 c", "a\u00a0b\u2003c\u3000d\u200be", "naïve cafe\u0301 ﬁ Å Å Ⅳ",
    "日本語のコメント。次の行\n変数 = 値\n", "مرحبا بالعالم עולם", "👩‍👩‍👧‍👦 🏳️‍🌈 é̴ 🇦🇹", "ſ 's ſ 'ſ K",
    "<|endoftext|>", "a<|im_start|>user\n<|im_end|>b", "<repo_name>x<file_sep>y", "<|endoftext", "\u0000\u0001\u001f\u007f",
    "----------========>>>>>!!!???", "$x->y['k'] ?? `t${v}`", "0xDEADBEEF 1_000_000 3.14e-10", "if(a&&b||!c){return}",
    "def f():\n    return {\n        'a': 1,\n    }\n", "\tfor i := 0; i < 10; i++ {\n\t\tfmt.Println(i)\n\t}\n",
    "word " * 50, "a" * 300, " " * 300, "\n" * 100, "ab1" * 200, "é" * 200,
]

# By name of `tokenizer.ggml.pre`: (normalizer, pre-tokenizer, ignore_merges). The patterns of Qwen 2 and Llama 3 are
# those of their published tokenizer.json.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def cut_words(numbers):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORDS % numbers), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


KINDS = {
    "smollm": (None, pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]), False),
    "gpt-2": (None, pre_tokenizers.ByteLevel(add_prefix_space=False), False),
    "qwen2": (normalizers.NFC(), cut_words(r"\p{N}"), False),
    "llama-bpe": (None, cut_words(r"\p{N}{1,3}"), True),
}


def build(tokens, types, merges, kind):
    """The reference tokenizer with the file's vocabulary; control tokens left out, for user text has none."""
    normalizer, cut, ignore_merges = KINDS[kind]
    vocab = {token: i for i, (token, type) in enumerate(zip(tokens, types)) if type == 1}
    tokenizer = Tokenizer(models.BPE(vocab, [tuple(merge.split(" ")) for merge in merges], ignore_merges=ignore_merges))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = cut
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def digest(ids):
    return hashlib.sha256(struct.pack(f"<{len(ids)}I", *ids)).hexdigest()


def main():
    path = pathlib.Path(sys.argv[1])
    fields = GGUFReader(path).fields
    tokens, types, merges = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type", "merges"))
    assert fields["tokenizer.ggml.pre"].contents() == "smollm"
    documents = [json.loads(line) for line in gzip.open(HERE / "corpus.jsonl.gz", "rt", encoding="utf-8", newline="")]
    size = sum(len(document["text"].encode()) for document in documents)

    golden = {"documents": len(documents), "bytes": size, "kinds": {}}
    for kind in KINDS:
        tokenizer = build(tokens, types, merges, kind)
        encode = lambda text: tokenizer(text, add_special_tokens=False).input_ids
        ids = [encode(document["text"]) for document in documents]
        golden["kinds"][kind] = {
            "tokens": sum(map(len, ids)),
            "sha256": [digest(one) for one in ids],
            "hard": [{"text": text, "ids": encode(text)} for text in HARD],
        }
        print(kind, golden["kinds"][kind]["tokens"], "tokens")
        if kind == "smollm":
            for document, one in zip(documents, ids):
                assert tokenizer.decode(one, clean_up_tokenization_spaces=False) == document["text"], document["path"]
            # transformers' own reading of the file, with control tokens in user text taken as text.
            own = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
            same = [own(d["text"], add_special_tokens=False, split_special_tokens=True).input_ids == one
                    for d, one in zip(documents, ids)]
            print("transformers' own reading of the file agrees on", sum(same), "of", len(same), "documents")

    lines = ",\n".join(f' {json.dumps(key)}: {json.dumps(value, ensure_ascii=True)}' for key, value in golden.items())
    (HERE / "golden.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
