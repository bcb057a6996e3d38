"""Find near duplicates with datasketch; runs in an environment that has nothing of Jinbiao.

    python datasketch_side.py TEXTS SIMILARITY

TEXTS holds a JSON string a line. The last line printed is JSON: `seconds`, `cpu` and, as
`found`, the place of each duplicate with that of the earlier text.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from datasketch import MinHash, MinHashLSH


def main() -> None:
    """Hash, look up, insert: one text after the other."""
    texts = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
    threshold = float(sys.argv[2])
    begin, cpu = time.perf_counter(), time.process_time()
    index = MinHashLSH(threshold=threshold, num_perm=128)
    hashes: dict[str, MinHash] = {}
    found: dict[str, int] = {}
    for place, text in enumerate(texts):
        grams = {text[start : start + 3] for start in range(max(len(text) - 2, 1))}
        minhash = MinHash(num_perm=128)
        minhash.update_batch([gram.encode() for gram in grams])
        likely = index.query(minhash)
        near = [key for key in likely if hashes[key].jaccard(minhash) >= threshold]
        if near:
            found[str(place)] = min(int(key) for key in near)
            continue
        hashes[str(place)] = minhash
        index.insert(str(place), minhash)
    told = {
        "seconds": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "found": found,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
