"""The one tree of errors.

JinbiaoError
├── Invalid            the request itself is wrong: names the field and the limit
│   └── TooLarge       a stated limit was passed
├── Refused            a rule of the domain says no
│   ├── OwnWork        nobody reviews what they made
│   └── Stale          somebody changed it since it was read
├── NotSignedIn        who is asking is not known
│   └── LockedOut      too many failed attempts; says until when
├── Forbidden          known, but not allowed
├── NotFound           not there, or not visible to this person
│   ├── Withdrawn      was there, and may not be given out any more
│   └── Away           is only referred to, and the place does not hold it as it was
├── Cancelled          a job was told to stop
├── Unavailable        a part that is needed cannot be reached
└── Damaged            stored bytes or records contradict each other

Messages are English templates (`"label %(label)s is not in the config"`) so that the
server can translate them; the values travel beside them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .sizes import size


def _(message: str) -> str:
    """Mark a message for translation; it is translated where it is shown."""
    return message


def _filled(message: str, values: dict[str, Any]) -> str:
    """Return a message, filled in; a value that is called `…_bytes` is told as a size."""
    if not values:
        return message
    return message % {
        name: size(value) if name.endswith("_bytes") and isinstance(value, int) else value
        for name, value in values.items()
    }


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, with its place (`result[2].value.x`, `line 7`)."""

    place: str
    message: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        text = _filled(self.message, self.values)
        return f"{self.place}: {text}" if self.place else text


class JinbiaoError(Exception):
    """Every error that a user can meet; `code` is stable, the words are not."""

    code = "error"

    def __init__(
        self, message: str, *, place: str = "", problems: list[Problem] | None = None, **values: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.problems = problems or []
        self.values = values

    def __str__(self) -> str:
        text = _filled(self.message, self.values)
        return f"{self.place}: {text}" if self.place else text


class Invalid(JinbiaoError):
    """The request itself is wrong."""

    code = "invalid"


class TooLarge(Invalid):
    """A stated limit was passed."""

    code = "too_large"


class Refused(JinbiaoError):
    """A rule of the domain says no."""

    code = "refused"


class OwnWork(Refused):
    """Nobody reviews what they made."""

    code = "own_work"


class Stale(Refused):
    """Somebody changed it since it was read."""

    code = "stale"


class NotSignedIn(JinbiaoError):
    """Who is asking is not known."""

    code = "not_signed_in"


class LockedOut(NotSignedIn):
    """Too many failed attempts."""

    code = "locked_out"


class Forbidden(JinbiaoError):
    """Known, but not allowed."""

    code = "forbidden"


class NotFound(JinbiaoError):
    """Not there, or not visible to this person."""

    code = "not_found"


class Withdrawn(NotFound):
    """Was there, and may not be given out any more."""

    code = "withdrawn"


class Away(NotFound):
    """Is only referred to, and the place does not hold it as it was."""

    code = "away"


class Cancelled(JinbiaoError):
    """A job was told to stop."""

    code = "cancelled"


class Unavailable(JinbiaoError):
    """A part that is needed cannot be reached."""

    code = "unavailable"


class Damaged(JinbiaoError):
    """Stored bytes or records contradict each other."""

    code = "damaged"


def to_json(error: JinbiaoError) -> str:
    """Write an error down so that it can be shown later in the reader's language."""
    return json.dumps(
        {
            "code": error.code,
            "message": error.message,
            "values": error.values,
            "place": error.place,
            "problems": [
                {"place": p.place, "message": p.message, "values": p.values}
                for p in error.problems[:20]
            ],
        },
        ensure_ascii=False,
        default=str,
    )


def from_json(text: str) -> JinbiaoError:
    """Read back what `to_json` wrote; the class is lost, its code is not."""
    stored = json.loads(text)
    error = JinbiaoError(
        stored["message"],
        place=stored["place"],
        problems=[Problem(p["place"], p["message"], p["values"]) for p in stored["problems"]],
        **stored["values"],
    )
    error.code = stored["code"]
    return error
