"""Keep models loaded in this process between batches and jobs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from .models.interface import Predictor

MOST = 4  # models; each may hold hundreds of megabytes

_kept: OrderedDict[str, tuple[str, Predictor]] = OrderedDict()
_lock = threading.Lock()


def predictor(key: str, model_version: str, load: Callable[[], Predictor]) -> Predictor:
    """Return the predictor of that key, loaded on first use; the one unused longest goes."""
    with _lock:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
            return found[1]
    made = load()
    with _lock:
        _kept[key] = (model_version, made)
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return made


def versions() -> list[str]:
    """List the model versions that are loaded, the one used last at the end."""
    with _lock:
        return [version for version, _predictor in _kept.values()]


def forget() -> None:
    """Give all models back."""
    with _lock:
        _kept.clear()
