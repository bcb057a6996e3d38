"""One line of the table that `make bench-models` prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured of a model on some data.

    `value` is the text to print; `reached` is False where a stated goal was missed, None where
    there is none. `saved` are minutes of manual work saved on 100 tasks under the cost model of
    the table, None where it says nothing. `speed` names its unit.
    """

    data: str
    model: str
    trained_on: str
    measure: str
    value: str
    goal: str = ""
    reached: bool | None = None
    speed: str = ""
    saved: float | None = None
