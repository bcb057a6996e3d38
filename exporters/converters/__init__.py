"""Convert snapshots of a project into the formats of Label Studio's export."""

from .formats import FORMATS, Converter, converter, fitting
from .reading import Lines

__all__ = ["FORMATS", "Converter", "Lines", "converter", "fitting"]
