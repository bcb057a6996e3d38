"""Judge tables as they came: what their columns hold, and the indicators of GB/T 36344."""

from .indicators import BY_CODE, DIMENSIONS, EDITION, INDICATORS, Indicator
from .profiling import Asked, profile
from .reading import batches

# The name of a report among the facts of a record.
FACT = "table"

__all__ = [
    "BY_CODE",
    "DIMENSIONS",
    "EDITION",
    "FACT",
    "INDICATORS",
    "Asked",
    "Indicator",
    "batches",
    "profile",
]
