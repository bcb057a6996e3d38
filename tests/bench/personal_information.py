"""Measure how many megabytes of text a second are searched for personal information, on one core.

`python -m jinbiao.tests.bench.personal_information` prints a line for each kind of text. Bytes
are those of UTF-8, seconds those of the processor.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from jinbiao.datasets.personal_information import find
from jinbiao.tests.bench.table import Line
from jinbiao.tests.datasets import personal_samples

_PROSE = (
    "天津大学的研究团队在实验中观察到温度随时间缓慢上升，误差不超过百分之三；第12次测量为 36.5 度。"
)


def texts(megabytes: float) -> dict[str, list[str]]:
    """Write texts of that size: prose, prose with values in it, and the log of a machine."""
    draw = random.Random(1)
    samples = personal_samples.positives(1, 500) + personal_samples.look_alikes(1, 500)
    kinds = {
        "Chinese prose": lambda: _PROSE * 8,
        "prose, a value in 1 KB": lambda: _PROSE * 7 + draw.choice(samples).text,
        "log lines": lambda: (
            (
                f"2026-11-20 13:45:{draw.randrange(60):02d};{draw.random() * 100:.5f};"
                f"{draw.random():.6f};{draw.randrange(10**6)};state=ok host=10.1.2.3 id=ab-12\n"
            )
            * 8
        ),
    }
    made: dict[str, list[str]] = {}
    for name, write in kinds.items():
        rows, size = [], 0.0
        while size < megabytes * 1e6:
            rows.append(write())
            size += len(rows[-1].encode())
        made[name] = rows
    return made


def speed(rows: Sequence[str]) -> float:
    """Return megabytes (of UTF-8) a second of processor time."""
    begun = time.process_time()
    for row in rows:
        find(row)
    return sum(len(row.encode()) for row in rows) / 1e6 / (time.process_time() - begun)


def measure(megabytes: float = 8.0) -> list[Line]:
    """Return a line for each kind of text; 20 MB/s is what is promised."""
    return [
        Line(f"Personal information: {name}", speed(rows), "MB/s")
        for name, rows in texts(megabytes).items()
    ]


if __name__ == "__main__":
    for line in measure():
        print(f"{line.title:45s} {line.value:8.1f} {line.unit}")
