"""Read exported formats with unmodified readers; run in an environment of their own."""

import json
import sys
from pathlib import Path
from typing import Any

import webdataset
from nltk.corpus.reader import ConllCorpusReader


def shards(folder: Path) -> dict[str, Any]:
    """Read WebDataset shards as training does: decoded, one sample at a time."""
    found = {}
    for shard in sorted((folder / "webdataset").glob("*.tar")):
        dataset = webdataset.WebDataset(str(shard), shardshuffle=False, empty_check=False)
        for sample in dataset.decode("pil"):
            picture = sample.get("jpg")
            found[sample["__key__"]] = {
                "shard": shard.name,
                "record": sample["json"]["key"],
                "size": list(picture.size) if picture is not None else None,
                "columns": sorted(name for name in sample if not name.startswith("__")),
            }
    return found


def columns(folder: Path) -> dict[str, Any]:
    """Read CoNLL columns: sentences of tokens and their tags."""
    reader = ConllCorpusReader(
        str(folder / "conll"), r".*\.conll", ("words", "chunk"), separator="\t"
    )
    return {
        name: [[list(pair) for pair in zip(*_columns(sentence), strict=True)] for sentence in read]
        for name in reader.fileids()
        for read in [reader._grids([name])]
    }


def _columns(grid: Any) -> list[list[str]]:
    return [[row[0] for row in grid], [row[1] for row in grid]]


if __name__ == "__main__":
    where = Path(sys.argv[2])
    print(json.dumps({"shards": shards, "columns": columns}[sys.argv[1]](where)))
