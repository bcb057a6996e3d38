"""Say what whole pictures show by models that did not learn from them, for the suspect job.

What is seen of a picture is computed here, without any network: how much there is of each
colour, and which way its edges run in each part of it (Dalal and Triggs, CVPR 2005).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets import errors, tasks
from ..datasets.projects import Project
from ..datasets.quality import intervals
from .items import read_item
from .models import colours
from .models.interface import Choice, Picture, Serves
from .work import Work

Floats = NDArray[np.float32]
MOST = 5_000  # pictures, of the newest answers
_BATCH = 100
_READS = Serves("picture", (Choice,))

SIDE = 128  # pixels to which a picture is brought, whatever its proportions
CELLS = 4  # to a side
TURNS = 9  # directions of edges from 0 to 180 degrees
SHADES = (8, 4, 4)  # of hue, saturation, value
PARTS = 5
STRENGTHS = (0.003, 0.03)  # of the fit; the one that surprises least is taken


def looked_at(work: Work, project: Project, key: str, task_ids: Sequence[int]) -> dict[int, Floats]:
    """Return task id → what is seen of its picture, of the first `MOST` that can be read."""
    database = work.installation.database
    wanted = task_ids[:MOST]
    found: dict[int, Floats] = {}
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        with database.read() as session:
            rows = tasks.by_ids(session, project, part)
            media = tasks.media_of(session, rows)
        for task in rows:
            try:
                item = read_item(work.installation, _READS, key, task, media)
                found[task.id] = seen(colours.read(item, key))
            except errors.JinbiaoError:
                continue
        with database.write() as session:
            work.advance(session, start + len(part), len(wanted))
    return found


def tells_apart(found: NDArray[np.float64], given: Sequence[int]) -> bool:
    """Tell whether pictures say more of their classes than always naming the most frequent one.

    Else what does not fit is chance: the lower end of the share of right ones is not above it.
    """
    told = np.asarray(given)
    right = int((found.argmax(axis=1) == told).sum())
    low = intervals.wilson(right, len(told)).low
    return low is not None and low > float(np.bincount(told).max()) / len(told)


def seen(picture: Picture) -> Floats:
    """Return what is seen of a picture: colours of the whole, edges and light by its parts."""
    full = colours.rgb(picture)
    small = cv2.resize(full, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    shades = cv2.calcHist([hsv], [0, 1, 2], None, list(SHADES), [0, 180, 0, 256, 0, 256])
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = np.hypot(across, down)
    turn = (np.arctan2(down, across) % np.pi) * (TURNS / np.pi)
    kind = np.minimum(turn.astype(int), TURNS - 1)
    step = SIDE // CELLS
    found = [np.sqrt(shades.ravel() / shades.sum())]
    for top in range(0, SIDE, step):
        for left in range(0, SIDE, step):
            part = np.s_[top : top + step, left : left + step]
            edges = np.bincount(kind[part].ravel(), strength[part].ravel(), minlength=TURNS)
            light = [grey[part].mean(), grey[part].std(), strength[part].mean()]
            found += [edges / (np.linalg.norm(edges) + 0.1), np.array(light)]
    return np.asarray(np.concatenate(found), np.float32)


def chances(rows: Floats, given: Sequence[int], number: int) -> NDArray[np.float64]:
    """Return the chance of each of `number` classes for each picture, by one that did not learn it.

    `rows` holds what is seen of each, `given` the class that somebody gave it. Logistic
    regression in turns of four fifths; its strength is that with the least surprise.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    told = np.asarray(given)
    parts = _parts(told)
    best, least = np.full((len(told), number), 1.0 / number), np.inf
    for strength in STRENGTHS:
        found = np.full((len(told), number), 1e-6)
        for part in range(PARTS):
            learned, asked = parts != part, np.flatnonzero(parts == part)
            classes = np.unique(told[learned])
            if not len(asked):
                continue
            if len(classes) < 2:
                found[np.ix_(asked, classes)] = 1.0
                continue
            model = make_pipeline(
                StandardScaler(), LogisticRegression(C=strength, max_iter=500, random_state=0)
            )
            model.fit(rows[learned], told[learned])
            found[np.ix_(asked, classes)] = model.predict_proba(rows[asked])
        found = np.maximum(found, 1e-6)
        found /= found.sum(axis=1, keepdims=True)
        surprise = float(-np.log(found[np.arange(len(told)), told]).mean())
        if surprise < least:
            best, least = found, surprise
    return best


def _parts(told: NDArray[np.int64]) -> NDArray[np.int64]:
    """Deal the pictures out, each class evenly, so that no part goes without a class."""
    chance = np.random.default_rng(0)
    parts = np.zeros(len(told), np.int64)
    at = 0
    for label in np.unique(told):
        places = chance.permutation(np.flatnonzero(told == label))
        parts[places] = (at + np.arange(len(places))) % PARTS
        at += len(places)
    return parts
