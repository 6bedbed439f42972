"""Makes test/golden/tokenizer/corpus.jsonl.gz: real code of several languages, from histories of open repositories.

    python scripts/golden/corpus.py FOLDER...

A folder holds histories, *.jsonl.gz, one line a commit: {"repo", "commit", "files": [{"path", "lang", "base", "before",
"hunks": [{"new_lines"}]}]}, where base "new" is a file that the commit adds and "full" one whose text before the commit
is in `before`. The first such text of each path is taken, each language up to its share, round the repositories, in
the order of the histories: the same input gives the same corpus.
"""

import collections
import gzip
import json
import pathlib
import sys

OUT = pathlib.Path(__file__).parents[2] / "test/golden/tokenizer/corpus.jsonl.gz"
# Characters a language, and the most of one document.
SHARES = {
    "typescript": 260_000, "javascript": 200_000, "python": 260_000, "rust": 200_000, "go": 160_000,
    "typescriptreact": 50_000, "markdown": 120_000, "vue": 40_000, "restructuredtext": 30_000, "yaml": 20_000,
    "json": 20_000, "toml": 12_000, "css": 20_000, "html": 5_000, "shellscript": 12_000, "c": 2_000, "cpp": 2_000,
    "makefile": 1_000,
}
MOST = 30_000
LICENCES = {
    "charmbracelet/bubbletea": "MIT", "honojs/hono": "MIT", "nanostores/nanostores": "MIT", "simonw/llm": "Apache-2.0",
    "simonw/sqlite-utils": "Apache-2.0", "sindresorhus/execa": "MIT", "encode/httpx": "BSD-3-Clause",
    "sharkdp/fd": "MIT OR Apache-2.0", "vuejs/pinia": "MIT",
}


def texts(path):
    """(language, document) of the first whole text of each file in one history."""
    seen = set()
    for line in gzip.open(path, "rt", encoding="utf-8"):
        record = json.loads(line)
        for file in record["files"]:
            if file["base"] == "full":
                text, at = file["before"], "before"
            elif file["base"] == "new":
                text, at = "\n".join(part for hunk in file["hunks"] for part in hunk["new_lines"]) + "\n", "after"
            else:
                continue
            if file["path"] in seen or not 200 <= len(text) <= MOST:
                continue
            seen.add(file["path"])
            yield file["lang"], {
                "repo": record["repo"], "commit": record["commit"], "at": at, "path": file["path"],
                "language": file["lang"], "licence": LICENCES[record["repo"]], "text": text,
            }


def main():
    waiting = collections.defaultdict(list)  # language -> a queue of documents a repository
    for path in sorted(path for folder in sys.argv[1:] for path in pathlib.Path(folder).glob("*.jsonl.gz")):
        by_language = collections.defaultdict(collections.deque)
        for language, document in texts(path):
            by_language[language].append(document)
        for language, queue in by_language.items():
            waiting[language].append(queue)
    chosen = []
    for language, share in SHARES.items():
        queues = waiting[language]
        while share > 0 and any(queues):
            for queue in queues:
                if queue and share > 0:
                    document = queue.popleft()
                    share -= len(document["text"])
                    chosen.append(document)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    # No time and no name in the gzip header: the file depends on its content alone.
    with open(OUT, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, 0) as out:
        for document in chosen:
            out.write((json.dumps(document, ensure_ascii=False) + "\n").encode())
    size = collections.Counter()
    for document in chosen:
        size[document["language"]] += len(document["text"].encode())
    print(len(chosen), "documents,", sum(size.values()), "bytes", dict(size))
    print(dict(collections.Counter(document["repo"] for document in chosen)))


main()
