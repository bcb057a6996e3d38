"""Benchmark of the catalogue: it runs from end to end with tiny numbers."""

from __future__ import annotations

from pathlib import Path

from jinbiao.tests.bench import catalogue_filling, catalogue_pages
from jinbiao.tests.bench.served import open_place


def test_every_page_is_measured(tmp_path: Path) -> None:
    place = open_place(tmp_path, None, 1)
    filled = catalogue_filling.fill(place.installation, 40)
    lines = catalogue_pages.pages(place.installation, filled, 2)
    assert len(lines) == 11 and all(line.value > 0 for line in lines)
    assert catalogue_pages.counting(place.installation, 4).value > 0
    compared = catalogue_pages.comparing(place.installation, 300)
    assert [line.value > 0 for line in compared] == [True] * 4
    place.installation.close()
