"""List the operators that recipes are made of."""

from .audio import AUDIO
from .contract import SAME, Operator, Option, Outcome, Record, bytes_opener
from .image_changes import CHANGES
from .image_checks import CHECKS
from .image_duplicates import DUPLICATES
from .image_personal import PERSONAL
from .table import TABLES
from .text import TEXT

__all__ = ["OPERATORS", "SAME", "Operator", "Option", "Outcome", "Record", "bytes_opener"]

# name → operator; each module of this folder gives its own.
OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (*TEXT, *CHECKS, *CHANGES, *DUPLICATES, *PERSONAL, *AUDIO, *TABLES)
}
