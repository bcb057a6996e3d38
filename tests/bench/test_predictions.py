"""The benchmark of predictions runs, and notices a task without one."""

from __future__ import annotations

import pytest

from jinbiao.datasets.installation import Installation
from jinbiao.tests.bench import predictions
from jinbiao.workers import run
from jinbiao.workers.models import MODELS


def test_every_task_gets_one_prediction(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "constant", predictions.Constant())
    project, requester = predictions.filled(installation, 2500)
    assert predictions.counts(installation) == (0, 0)
    asked = {"model": "constant"}
    for left in (2500, 0):
        job = run.do_here(installation, requester, project, "prelabel", asked)
        assert job.result_values["predicted"] == left
        assert predictions.counts(installation) == (2500, 2500)
