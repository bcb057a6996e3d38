"""Say in words what the choices of an operator's option mean."""

from __future__ import annotations

from flask_babel import gettext

from ...datasets.personal_information import kinds


def _(message: str) -> str:
    return message


# option → choice → its words; what is not here stands for itself, as `flac` does.
CHOICES = {
    "direction": {
        "t2s": _("traditional → simplified"),
        "s2t": _("simplified → traditional"),
        "tw2sp": _("Taiwan → simplified, with words"),
        "s2twp": _("simplified → Taiwan, with words"),
        "hk2s": _("Hong Kong → simplified"),
        "s2hk": _("simplified → Hong Kong"),
    },
    "languages": {
        "zh": _("Chinese"),
        "en": _("English (Latin letters)"),
        "ja": _("Japanese"),
        "ko": _("Korean"),
        "ru": _("Russian (Cyrillic letters)"),
        "ar": _("Arabic"),
        "other": _("others"),
    },
    "count": {"visible": _("without white space"), "all": _("all characters")},
    "keep": {"without": _("those without these words"), "with": _("only those with these words")},
    "which": {"strong": _("strong ones"), "all": _("coarse ones too")},
    "action": {
        "report": _("only report"),
        "mask": _("mask"),
        "pseudonym": _("replace by a consistent pseudonym"),
        "generalise": _("generalise"),
        "drop": _("leave the record out"),
        "blur": _("blur"),
        "mosaic": _("mosaic"),
        "fill": _("paint over"),
    },
    "level": {"copies": _("copies of one picture"), "alike": _("pictures that look alike")},
    "method": {"energy": _("by loudness"), "network": _("by a network for speech")},
}


def chosen(option: str, choice: str) -> str:
    """Return the words for a choice of an option."""
    if option == "kinds" and choice in kinds.KINDS:
        return gettext(kinds.KINDS[choice].title)
    told = CHOICES.get(option, {}).get(choice)
    return gettext(told) if told else choice
