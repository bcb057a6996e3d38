"""What models share that take no options or are never trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...datasets import errors
from ...datasets.errors import _
from .interface import Example, Item, Serves, Target


class OneKind:
    """A model that makes the same whatever its options are."""

    serves: Serves

    def serving(self, options: Mapping[str, Any]) -> Serves:
        """Return `serves`."""
        return self.serves


class WithoutOptions(OneKind):
    """A model that is registered by its name alone."""

    def check(self, options: Mapping[str, Any], file: bytes | None) -> dict[str, Any]:
        """Return no options; raise errors.Invalid where some or a file are given."""
        for name in options:
            raise errors.Invalid(_("this model takes no such option"), place=f"options.{name}")
        if file is not None:
            raise errors.Invalid(_("this model takes no file"), place="file")
        return {}


class NeverTrained:
    """A model that knows all that it will ever know."""

    least_examples = None

    def fit(
        self, examples: Iterable[Example], target: Target, unlabelled: Iterable[Item] = ()
    ) -> bytes:
        """Raise errors.Refused."""
        raise errors.Refused(_("this model is not trained here"))
