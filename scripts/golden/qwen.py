"""Makes test/golden/tokenizer/qwen2.json: Qwen 2's tokens of the corpus and of hard texts, by two implementations.

    python scripts/golden/qwen.py qwen.tiktoken          (needs: tiktoken, tokenizers)

qwen.tiktoken is the vocabulary that Qwen publishes (151,643 byte strings in the order of their merging), as the package
dashscope 2.0.2 of the Python registry carries it. tiktoken runs it as Qwen's own tokenizer does; the Rust library runs the
merges that follow from it, with the pattern of Qwen2's tokenizer.json. Both must agree before anything is written.
"""

import base64
import gzip
import hashlib
import json
import pathlib
import sys
import unicodedata

import tiktoken
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizer import HARD, HERE, KINDS, WORDS, digest


def alphabet():
    """GPT-2's characters for bytes."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in shown]
    return {b: chr(b) for b in shown} | {b: chr(0x100 + i) for i, b in enumerate(rest)}


def parts(ranks, token, rank):
    """What a token is merged of: the two pieces that are left when no merge of a lower rank applies."""
    pieces = [bytes([b]) for b in token]
    while len(pieces) > 2:
        at, best = min(((i, ranks.get(pieces[i] + pieces[i + 1], rank)) for i in range(len(pieces) - 1)), key=lambda x: x[1])
        assert best < rank
        pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces


def main():
    lines = pathlib.Path(sys.argv[1]).read_bytes().split(b"\n")
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines if line)}
    assert len(ranks) == 151_643
    reference = tiktoken.Encoding("qwen", pat_str=WORDS % r"\p{N}", mergeable_ranks=ranks, special_tokens={})
    letters = alphabet()
    shown = {token: "".join(letters[b] for b in token) for token in ranks}
    merges = [tuple("".join(letters[b] for b in p) for p in parts(ranks, token, rank)) for token, rank in ranks.items() if len(token) > 1]
    normalizer, cut, ignore_merges = KINDS["qwen2"]
    rust = Tokenizer(models.BPE({shown[token]: rank for token, rank in ranks.items()}, merges, ignore_merges=ignore_merges))
    rust.normalizer, rust.pre_tokenizer = normalizer, cut

    def encode(text):
        ids = reference.encode_ordinary(unicodedata.normalize("NFC", text))
        assert ids == rust.encode(text, add_special_tokens=False).ids, text[:200]
        return ids

    documents = [json.loads(line) for line in gzip.open(HERE / "corpus.jsonl.gz", "rt", encoding="utf-8", newline="")]
    ids = [encode(document["text"]) for document in documents]
    golden = {
        "vocabulary": hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest(),
        "merges": hashlib.sha256("\n".join(" ".join(pair) for pair in merges).encode()).hexdigest(),
        "tokens": sum(map(len, ids)),
        "sha256": [digest(one) for one in ids],
        "hard": [{"text": text, "ids": encode(text)} for text in HARD],
    }
    print(len(documents), "documents,", golden["tokens"], "tokens; tiktoken and the Rust library agree on all")
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items())
    (HERE / "qwen2.json").write_text("{\n" + lines + "\n}\n")


main()
