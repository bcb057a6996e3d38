"""Hold what Label Studio 1.23.2 took for the same work, measured earlier on such a machine.

Two cores; its own development server; medians. The source is the table of the project's speed
contract: 10,000 tasks with a prediction each, the API asked by one and by eight clients. They
are kept as numbers because Label Studio cannot be installed beside this program.
`make bench-label-studio` measures both side by side, in environments of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE_ZH = "Label Studio 1.23.2：此前在同类机器（双核）上测得，取中位数"
SOURCE_EN = "Label Studio 1.23.2: measured earlier on such a machine (2 cores), medians"


@dataclass(frozen=True)
class Figures:
    """One figure a line of the table; rates a second, times in milliseconds, None if unknown."""

    import_rows: float
    import_rows_large: float
    list_ms: float
    list_p95_ms: float | None
    next_ms: tuple[float, float]
    next_p95_ms: tuple[float | None, float | None]
    submit_ms: tuple[float, float]
    submit_p95_ms: tuple[float | None, float | None]
    pairs: float
    json_rows: float
    coco_rows: float
    yolo_rows: float | None
    import_cpu_ms: float | None = None
    list_cpu_ms: float | None = None
    pair_cpu_ms: float | None = None
    export_cpu_ms: float | None = None


ON_SQLITE = Figures(
    import_rows=781,
    import_rows_large=457,
    list_ms=608,
    list_p95_ms=1700,
    next_ms=(134, 245),
    next_p95_ms=(164, 1375),
    submit_ms=(96, 602),
    submit_p95_ms=(293, 1536),
    pairs=8.0,
    json_rows=10_000 / 30.7,
    coco_rows=10_000 / 19.4,
    yolo_rows=10_000 / 29.3,
    import_cpu_ms=0.77,
    list_cpu_ms=355,
    pair_cpu_ms=65,
    export_cpu_ms=1.3,
)
# Listing took 274 to 525 ms there: the better end is the one to compare with.
ON_POSTGRESQL = Figures(
    import_rows=1082,
    import_rows_large=680,
    list_ms=274,
    list_p95_ms=None,
    next_ms=(90, 554),
    next_p95_ms=(None, None),
    submit_ms=(116, 440),
    submit_p95_ms=(None, None),
    pairs=6.5,
    json_rows=10_000 / 26.9,
    coco_rows=10_000 / 25.1,
    yolo_rows=None,
)
