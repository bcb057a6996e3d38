"""Clean raw material by recipes: named, versioned lists of operators, every change traced."""

from .measured import measured
from .origins import Origin, origins
from .rows import CleanedRecord, Cleaning, Recipe, RecipeVersion, RecordState
from .running import (
    AssetRow,
    advance,
    ask,
    assets_between,
    begin,
    finish,
    sample,
    sizes_after,
    take_back,
    under_way,
)

__all__ = [
    "AssetRow",
    "CleanedRecord",
    "Cleaning",
    "Origin",
    "Recipe",
    "RecipeVersion",
    "RecordState",
    "advance",
    "ask",
    "assets_between",
    "begin",
    "finish",
    "measured",
    "origins",
    "sample",
    "sizes_after",
    "take_back",
    "under_way",
]
