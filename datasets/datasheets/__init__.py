"""Make the datasheet of a release from evidence: each number with the query behind it.

`topics` names what is spoken of and asked, `evidence` lays the release out as tables, `queries`
counts in them, `sheet` puts it together, `saying` takes people's words, `checking` recomputes.

`Dataset.sheet` is a JSON object: for each question of `topics.QUESTIONS` its `name` holds the
Chinese answer as text and `<name>_en` the English one; days stand once, as 2026-11-20.
"""

from __future__ import annotations

from .checking import SHEET, differences, evidence_of, kept
from .evidence import Evidence
from .process import PATH as PROCESS
from .process import of_version as process_of
from .queries import QUERIES, figure, newest
from .saying import owned, say
from .sheet import FORMAT, About, answer, covered, make, told
from .topics import DIMENSIONS, LONGEST, QUESTIONS, TOPICS, Question, Topic

__all__ = [
    "About",
    "DIMENSIONS",
    "Evidence",
    "FORMAT",
    "LONGEST",
    "PROCESS",
    "QUERIES",
    "QUESTIONS",
    "Question",
    "SHEET",
    "TOPICS",
    "Topic",
    "answer",
    "covered",
    "differences",
    "evidence_of",
    "figure",
    "kept",
    "make",
    "newest",
    "owned",
    "process_of",
    "say",
    "told",
]
