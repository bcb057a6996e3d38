"""Convert snapshots of a project into the formats of Label Studio's export."""

from .formats import FORMATS, Converter, converter, fitting
from .reading import KeptLines, Lines, LinesNow

__all__ = ["FORMATS", "Converter", "KeptLines", "Lines", "LinesNow", "converter", "fitting"]
