"""Say what every pre-labelling model offers: fit on people's work, load, predict, card.

A model knows arrays and texts only: no database, no storage, no queue, no labelling config.
`Item` is what it sees of a task, `Mark` is one thing that it or a person says about it.
Pictures arrive upright (the EXIF turn already applied) as `uint8` or `uint16` arrays of shape
`(height, width)` or `(height, width, channels)` with channels in the order grey, RGB or RGBA.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.generic]


@dataclass(frozen=True)
class Sound:
    """A recording: `samples` are mono, from -1 to 1; `rate` is samples a second."""

    samples: NDArray[np.float32]
    rate: int


@dataclass(frozen=True)
class Item:
    """What a model sees of one task: its values by data key.

    `contents` holds pictures as encoded files, for models that ask for them (`Serves.encoded`).
    """

    pictures: Mapping[str, Picture] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    sounds: Mapping[str, Sound] = field(default_factory=dict)
    contents: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the upright picture; `label` is "" while no class is known.

    `x` and `y` are the left and top edge; `score` is a probability from 0 to 1.
    """

    label: str
    x: float
    y: float
    width: float
    height: float
    score: float = 1.0


@dataclass(frozen=True, eq=False)
class Mask:
    """Pixels of the upright picture: `pixels` is boolean, `(height, width)` of the picture."""

    label: str
    pixels: NDArray[np.bool_]
    score: float = 1.0


@dataclass(frozen=True)
class Choice:
    """What is said of the task as a whole."""

    label: str
    score: float = 1.0


@dataclass(frozen=True)
class Span:
    """A stretch of text, in code points; `end` is not part of it."""

    label: str
    start: int
    end: int
    score: float = 1.0


@dataclass(frozen=True)
class Interval:
    """A stretch of sound, in seconds."""

    label: str
    start: float
    end: float
    score: float = 1.0


@dataclass(frozen=True)
class Words:
    """A line of writing in a picture: its text and four corners in pixels, clockwise from
    the top left; a `label` where the project has classes for such lines."""

    text: str
    corners: tuple[tuple[float, float], ...]
    score: float = 1.0
    label: str = ""


Mark = Box | Mask | Choice | Span | Interval | Words
MarkKind = type[Box] | type[Mask] | type[Choice] | type[Span] | type[Interval] | type[Words]


@dataclass(frozen=True)
class Example:
    """One task as people left it: what a model sees of it, and all that they marked."""

    item: Item
    marks: Sequence[Mark]


@dataclass(frozen=True)
class Usage:
    """What an answer cost at a service that is paid by tokens."""

    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True)
class Answer:
    """What a model says of one item.

    `score` is how sure it is of the whole, 0 to 1; None where it cannot tell. `features`
    is a vector by which items can be compared, where the model has one.
    """

    marks: Sequence[Mark]
    score: float | None = None
    features: NDArray[np.float32] | None = None
    usage: Usage | None = None


@dataclass(frozen=True)
class Serves:
    """What a model reads and what it can make; the labelling config must offer both.

    `reads` is "picture", "text" or "sound". `makes` lists the kinds of mark that it can give,
    the best first. `keys` are data keys that must be there by these names (`image` and
    `template`); without them the model reads the first object of the kind that has a fitting
    control. `encoded` asks for pictures as files beside the arrays.
    """

    reads: str
    makes: tuple[MarkKind, ...]
    keys: tuple[str, ...] = ()
    encoded: bool = False


@dataclass(frozen=True)
class Target:
    """What the project wants of a model.

    `key` is the data key of what is labelled, `makes` the kind of mark, `labels` the labels to
    choose from with the words that people see (`titles`). `single` says that one choice
    excludes the others. `instruction` is what annotators are told.
    """

    key: str
    makes: MarkKind
    labels: tuple[str, ...]
    titles: Mapping[str, str] = field(default_factory=dict)
    single: bool = True
    instruction: str = ""


# Sends (method, url, body or None, headers) and returns (status, body); addresses are checked,
# and everything together takes at most the seconds that the operator allows.
# Raises errors.Refused where there is no answer, errors.Invalid where the address is not allowed.
Call = Callable[[str, str, bytes | None, Mapping[str, str]], tuple[int, bytes]]


@dataclass(frozen=True)
class Given:
    """What somebody registered a model with: checked options, a file, a secret, a way out."""

    options: Mapping[str, Any] = field(default_factory=dict)
    file: bytes | None = None
    secret: str = field(default="", repr=False)
    call: Call | None = None


class Predictor(Protocol):
    """A model with its weights, ready for items; kept in memory between batches."""

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return an answer for each item, in order; marks stand the surest first.

        Raises `errors.Invalid` for an item that it cannot read: the caller then asks about
        each by itself. Raises `errors.Refused` where a service outside does not answer.
        """
        ...


class Model(Protocol):
    """One way to pre-label, named and versioned."""

    @property
    def name(self) -> str:
        """Name the model in settings, predictions and lineage."""
        ...

    @property
    def version(self) -> str:
        """Change whenever the same weights may give other marks."""
        ...

    @property
    def serves(self) -> Serves:
        """Say what it reads and what it makes."""
        ...

    @property
    def queue(self) -> str:
        """Say what it needs: `cpu`, `gpu`, or `io` where it mostly waits for a service."""
        ...

    @property
    def least_examples(self) -> int | None:
        """Say from how many examples it learns; None where it is never trained, 0 where it
        also works untrained."""
        ...

    def serving(self, options: Mapping[str, Any]) -> Serves:
        """Say what it reads and makes with these options: `serves`, or a part of it."""
        ...

    def check(self, options: Mapping[str, Any], file: bytes | None) -> dict[str, Any]:
        """Return the options to keep, defaults in place.

        Raises `errors.Invalid` that names the option, or says what is wrong with the file.
        """
        ...

    def fit(
        self, examples: Iterable[Example], target: Target, unlabelled: Iterable[Item] = ()
    ) -> bytes:
        """Learn from people's marks; the same examples in the same order give the same bytes.

        `unlabelled` are items that nobody has marked yet. Raises `errors.Refused` where the
        examples do not suffice, and for a model that is never trained.
        """
        ...

    def load(self, weights: bytes | None, target: Target, given: Given) -> Predictor:
        """Return a predictor; `weights` are what `fit` gave, None for an untrained model.

        Raises `errors.Damaged` for bytes that `fit` did not write.
        """
        ...

    def card(self) -> dict[str, Any]:
        """Describe the model for people, each text as `{"zh": …, "en": …}`: `title`, `what`,
        `for`, `limits` (lists), `data`, `licence`, and `options` where it takes any: a list of
        `{"name", "title", "kind": "text" | "number" | "choice" | "json" | "file" | "secret",
        "choices", "default", "required", "help"}`."""
        ...
