"""Mask, replace or generalise what tells who somebody is in texts, or only say what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ... import personal_information
from ...errors import _
from ...personal_information import LEAST, TEXT_KINDS
from .contract import SAME, Operator, Option, Outcome, Record

ACTIONS = ("report", "mask", "pseudonym", "generalise", "drop")


def _treat(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    """Look at each text; the key of pseudonyms is in `secret`, which whoever runs it gives."""
    kinds = frozenset(options["kinds"]) or None
    least, action = float(options["least"]), str(options["action"])
    key = bytes.fromhex(str(options.get("secret") or ""))
    if action == "pseudonym" and not key:
        # Without a key equal values could be guessed: never that.
        action = "mask"

    def made(kind: str, value: str) -> str | None:
        if action == "mask":
            return personal_information.masked(kind, value)
        if action == "generalise":
            return personal_information.generalised(kind, value)
        return personal_information.pseudonym(kind, value, key)

    outcomes = []
    for record in records:
        text = record.text or ""
        hits = personal_information.find(text, kinds, least)
        if not hits:
            outcomes.append(SAME)
            continue
        facts = {"personal_information": dict(sorted(Counter(hit.kind for hit in hits).items()))}
        if action == "drop":
            outcomes.append(Outcome(reason="personal_information", facts=facts))
        elif action == "report":
            outcomes.append(Outcome(facts=facts))
        else:
            changed = personal_information.changed(text, made, kinds, least)
            outcomes.append(Outcome(text=changed, facts=facts))
    return outcomes


PERSONAL_INFORMATION = Operator(
    name="text.personal_information",
    version=1,
    kind="text",
    title=_("Find personal information, and mask or replace it"),
    does="change",
    apply=_treat,
    options=(
        Option(
            "action",
            "choice",
            "mask",
            _("What is done with it"),
            choices=ACTIONS,
        ),
        Option(
            "kinds",
            "choices",
            [],
            _("Which kinds (none chosen: all)"),
            choices=TEXT_KINDS,
        ),
        Option("least", "number", LEAST, _("Least confidence"), least=0.0, most=1.0),
    ),
    reasons={"personal_information": _("it holds personal information")},
    needs_secret=True,
)
PERSONAL: tuple[Operator, ...] = (PERSONAL_INFORMATION,)
