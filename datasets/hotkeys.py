"""Know the keys of the workbench: what they do, who changed them, and where two things want one.

A key is written as `ctrl+shift+z`: ctrl, alt, shift, meta in this order, then the key in lower
case as a browser calls it. A person's own keys have Label Studio's form: name → {"key": …}.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from . import errors, labels
from .errors import Problem, _
from .labels import LabelConfig

# What the workbench does by key: name → what it is called, and its key unless somebody chose
# another. The names before the colon are the editor's own. Its Ctrl+Space for skipping switches
# the input method on most Chinese keyboards and never arrives.
ACTIONS: dict[str, tuple[str, str]] = {
    "annotation:submit": (_("Submit or update"), "ctrl+enter"),
    "annotation:skip": (_("Skip the task"), "alt+s"),
    "annotation:undo": (_("Undo"), "ctrl+z"),
    "annotation:redo": (_("Redo"), "ctrl+shift+z"),
    "region:delete": (_("Delete the selected region"), "backspace"),
    "region:unselect": (_("Select nothing"), "u"),
    "region:cycle": (_("Select the next region"), "alt+."),
    "workbench:accept": (_("Accept (review)"), "alt+a"),
    "workbench:reject": (_("Return with a reason (review)"), "alt+x"),
    "workbench:fix": (_("Accept with my changes (review)"), "alt+w"),
    "workbench:next": (_("Go to the next task"), "alt+n"),
    "workbench:flag": (_("Report a problem of the task"), "alt+q"),
    "workbench:reveal": (_("Show the pre-label"), "alt+p"),
    "workbench:guideline": (_("Guideline"), "alt+g"),
    "workbench:comments": (_("Remarks"), "alt+c"),
    "workbench:help": (_("Show all keys"), "?"),
}
# What else the editor listens to, whatever is labelled (its version 1.23.2).
EDITOR = {
    "region:delete-all": "ctrl+backspace",
    "region:focus": "enter",
    "region:relation": "alt+r",
    "region:visibility": "alt+h",
    "region:visibility-all": "ctrl+h",
    "region:lock": "alt+l",
    "region:meta": "alt+m",
    "region:exit": "escape",
    "region:duplicate": "ctrl+d",
    "segment:delete": "delete",
}
_PICTURE = {
    "tool:zoom-in": "ctrl+plus",
    "tool:zoom-out": "ctrl+minus",
    "tool:pan-image": "h",
    "tool:move": "v",
    "tool:zoom-to-fit": "shift+1",
    "tool:zoom-to-actual": "shift+2",
}
_TOOLS = {
    "Rectangle": {"tool:rect": "r", "tool:rect-3point": "shift+r"},
    "Ellipse": {"tool:ellipse": "o"},
    "Polygon": {"tool:polygon": "p"},
    "Vector": {"tool:vector": "p"},
    "KeyPoint": {"tool:key-point": "k"},
    "Brush": {
        "tool:brush": "b",
        "tool:eraser": "e",
        "tool:decrease-tool": "[",
        "tool:increase-tool": "]",
    },
    "MagicWand": {"tool:magic-wand": "w"},
}
_OBJECTS = {
    "Image": _PICTURE,
    "TimeSeries": {"ts:pan-left": "left", "ts:pan-right": "right"},
    "Audio": {"media:playpause": "ctrl+alt+space", "media:step-backward": "alt+left"},
    "Video": {"media:playpause": "ctrl+alt+space", "media:step-backward": "alt+left"},
    "Paragraphs": {"phrases:next-phrase": "ctrl+down", "phrases:previous-phrase": "ctrl+up"},
}
# What a message calls them; others by their name.
_CALLED = {
    "tool:rect": _("rectangle tool"),
    "tool:rect-3point": _("turned rectangle tool"),
    "tool:ellipse": _("ellipse tool"),
    "tool:polygon": _("polygon tool"),
    "tool:key-point": _("key point tool"),
    "tool:brush": _("brush"),
    "tool:eraser": _("eraser"),
    "tool:magic-wand": _("magic wand"),
    "tool:pan-image": _("move the picture"),
    "tool:move": _("selection tool"),
    "region:focus": _("first region"),
    "region:exit": _("leave the region"),
    "region:relation": _("relation"),
    "region:duplicate": _("copy the region"),
    "region:visibility": _("hide the region"),
    "region:lock": _("lock the region"),
    "region:meta": _("note on the region"),
    "segment:delete": _("Delete the selected region"),
}
_MODIFIERS = ("ctrl", "alt", "shift", "meta")
_SAME = {"control": "ctrl", "option": "alt", "command": "meta", "cmd": "meta", "esc": "escape"}
# The browser, or the input method, keeps these for itself.
_OF_BROWSER = {
    "ctrl+w", "ctrl+t", "ctrl+n", "ctrl+tab", "ctrl+shift+t", "ctrl+shift+n", "ctrl+shift+w",
    "ctrl+l", "ctrl+r", "alt+f4", "alt+tab", "alt+d", "alt+f", "alt+e", "f5", "f11", "f12",
}  # fmt: skip
_OF_INPUT_METHOD = {"ctrl+space", "shift", "shift+space", "ctrl+shift", "ctrl+.", "capslock"}
LONGEST = 30  # characters of a key
LONGEST_CHOICE = 20_000  # bytes of all that somebody chose
_LONGEST_NAME = 60
# What Label Studio's editor (1.23.2) knows besides; its programs send them all.
_OTHERS = frozenset(
    f"{part}:{name}"
    for part, names in {
        "annotation": "redo skip submit undo",
        "audio": "back playpause step-backward step-forward",
        "image": "next prev",
        "media": "playpause step-backward step-forward",
        "phrases": "next-phrase next-region previous-phrase previous-region",
        "polygon": "redo undo",
        "repeater": "next-page previous-page",
        "tool": "auto-detect rotate-left rotate-right",
        "ts": "grow-left grow-left-large grow-right grow-right-large pan-left pan-left-large "
        "pan-right pan-right-large shrink-left shrink-left-large shrink-right shrink-right-large",
        "video": "backward fastforward forward hop-backward hop-forward keyframe-backward "
        "keyframe-forward rewind",
    }.items()
    for name in names.split()
)
# Its list of tasks has keys of its own, which we have not: they are kept for its programs.
_OF_LIST = re.compile(r"data_manager:[a-z][a-z0-9.-]*")
_FIELDS: dict[str, type] = {"key": str, "active": bool, "mac": str, "description": str}
# These two tools never stand in one config side by side.
_SHARED = ({"tool:polygon", "tool:vector"},)


def normal(key: str) -> str:
    """Return a key in the one form in which keys are compared."""
    written = key.strip().lower()
    parts = [part.strip() for part in written.split("+")]
    if written.endswith("+"):  # the plus key itself
        parts = [*(part for part in parts if part), "plus"]
    named = [_SAME.get(part, part) for part in parts if part]
    held = [part for part in _MODIFIERS if part in named]
    return "+".join([*held, *(part for part in named if part not in _MODIFIERS)])


def chosen(text: str) -> dict[str, str]:
    """Return name → key of what somebody chose, of the actions that there are."""
    try:
        told = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    found = {}
    for name, value in told.items() if isinstance(told, dict) else ():
        key = value.get("key") if isinstance(value, dict) else None
        if name in ACTIONS and isinstance(key, str) and 0 < len(key) <= LONGEST:
            found[name] = normal(key)
    return found


def keys_of(text: str) -> dict[str, str]:
    """Return name → key for somebody, their own before the usual ones."""
    own = chosen(text)
    return {name: own.get(name, key) for name, (_title, key) in ACTIONS.items()}


def choose(wanted: Mapping[str, str]) -> str:
    """Return what is to be kept for somebody who wants these keys; what is usual is left out.

    Raises:
        errors.Invalid: a key cannot be pressed, or two things would want one key.
    """
    keys = {name: normal(wanted.get(name) or usual) for name, (_title, usual) in ACTIONS.items()}
    problems = list(_personal_problems(keys))
    if problems:
        raise errors.Invalid(_("these keys cannot all be used"), problems=problems)
    kept: dict[str, Any] = {
        name: {"key": key, "active": True} for name, key in keys.items() if key != ACTIONS[name][1]
    }
    return msgspec.json.encode(kept).decode()


def checked(told: Any) -> str:
    """Return what is to be kept of keys that a program sends in Label Studio's form.

    That is name → {"key", "active", "mac", "description"}, of which the key is needed. What
    the input method or the browser takes is not refused: Label Studio's own keys are such.

    Raises:
        errors.Invalid: it has another form, names what is not there, or gives a key twice.
        errors.TooLarge: there is too much of it.
    """
    text = msgspec.json.encode(told).decode()
    if not isinstance(told, dict):
        raise errors.Invalid(_("must be an object"), place="custom_hotkeys")
    if len(text.encode()) > LONGEST_CHOICE:
        raise errors.TooLarge(
            _("must have at most %(longest)s bytes"),
            place="custom_hotkeys",
            longest=LONGEST_CHOICE,
        )
    problems = [each for name, value in told.items() for each in _form_problems(name, value)]
    if not problems:
        problems = list(_twice({name: normal(value["key"]) for name, value in told.items()}))
    if problems:
        raise errors.Invalid(_("these keys cannot all be used"), problems=problems)
    return text


def _form_problems(name: str, value: Any) -> Iterator[Problem]:
    place = f"custom_hotkeys.{name[:_LONGEST_NAME]}"
    known = name in ACTIONS or name in EDITOR or name in _OTHERS or name in _tools()
    if len(name) > _LONGEST_NAME or not (known or _OF_LIST.fullmatch(name)):
        yield Problem(place, _("nothing is called so"))
        return
    if not isinstance(value, dict):
        yield Problem(place, _("must be an object"))
        return
    for field, given in value.items():
        kind = _FIELDS.get(field)
        if kind is None:
            yield Problem(f"{place}.{field[:_LONGEST_NAME]}", _("this field is not known here"))
        elif not isinstance(given, kind):
            message = _("must be a text") if kind is str else _("must be true or false")
            yield Problem(f"{place}.{field}", message)
    key = value.get("key")
    if "key" not in value or (isinstance(key, str) and not 0 < len(normal(key)) <= LONGEST):
        yield Problem(f"{place}.key", _("no key is named"))


def _tools() -> set[str]:
    groups = (*_TOOLS.values(), *_OBJECTS.values())
    return {name for group in groups for name in group}


def _twice(given: Mapping[str, str]) -> Iterator[Problem]:
    """Find two things that are there at the same time and would want one key."""
    effective = {name: given.get(name, key) for name, (_title, key) in ACTIONS.items()}
    effective |= {name: key for name, key in given.items() if name.startswith("tool:")}
    owners: dict[str, str] = {}
    for name, key in effective.items():
        other = owners.setdefault(key, name)
        named = {name, other}
        if other != name and named & given.keys() and named not in _SHARED:
            place = name if name in given else other
            called = other if place == name else name
            message = _("%(other)s has this key too")
            yield Problem(f"custom_hotkeys.{place}.key", message, {"other": called})


def warnings(config: LabelConfig, keys: Mapping[str, str]) -> list[Problem]:
    """Say which hotkeys of a config will not do what they say, beside somebody's keys.

    A label's key is no good where another label has it, where the editor or the workbench takes
    it, where the browser keeps it, or where an input method is needed to type it.
    """
    titles = {name: ACTIONS[name][0] for name in keys}
    taken: dict[str, tuple[str, str]] = {}
    for name, key in {**_editor_keys(config), **keys}.items():
        taken.setdefault(normal(key), (name, titles.get(name, "")))
    found: list[Problem] = []
    first: dict[tuple[str, str], str] = {}
    for control, title, key in _label_keys(config):
        place = f"{title} ({key})"
        before = first.setdefault((control, key), title)
        if before != title:
            found.append(Problem(place, _("%(other)s has this key too"), {"other": before}))
        found.extend(_of_others(place, key))
        if key in taken:
            name, called = taken[key]
            message = _("the workbench takes this key: %(action)s")
            if not called:
                message = _("the editor takes this key: %(action)s")
            found.append(Problem(place, message, {"action": called or _CALLED.get(name, name)}))
    return found


def _of_others(place: str, key: str) -> Iterator[Problem]:
    if not key.isascii():
        yield Problem(place, _("this key cannot be pressed without an input method"))
    elif key in _OF_INPUT_METHOD:
        yield Problem(place, _("this key switches the input method"))
    elif key in _OF_BROWSER:
        yield Problem(place, _("the browser keeps this key for itself"))


def _personal_problems(keys: Mapping[str, str]) -> Iterator[Problem]:
    owners: dict[str, str] = {normal(key): name for name, key in EDITOR.items()}
    for name, key in keys.items():
        if not key or len(key) > LONGEST or key.rsplit("+", 1)[-1] in _MODIFIERS:
            yield Problem(name, _("no key is named"))
            continue
        yield from _of_others(name, key)
        if key.isdigit() and len(key) == 1:
            yield Problem(name, _("the digits choose labels"))
        other = owners.setdefault(key, name)
        if other in EDITOR:
            message = _("the editor takes this key: %(action)s")
            yield Problem(name, message, {"action": _CALLED.get(other, other)})
        elif other != name:
            yield Problem(name, _("%(other)s has this key too"), {"other": ACTIONS[other][0]})


def _editor_keys(config: LabelConfig) -> dict[str, str]:
    """Return what the editor listens to where this config is labelled."""
    found = dict(EDITOR)
    for each in config.objects:
        found |= _OBJECTS.get(each.tag, {})
    for control in config.controls:
        found |= _TOOLS.get(control.tag.removesuffix("Labels"), {})
    return found


def _label_keys(config: LabelConfig) -> Iterable[tuple[str, str, str]]:
    """Give control, title and key of each label that has a hotkey."""
    for control in config.controls:
        for label, attributes in zip(control.labels, control.labels_attributes, strict=True):
            written = {name.lower(): value for name, value in attributes}
            for key in written.get("hotkey", "").split(","):
                if key.strip():
                    yield control.name, control.titles.get(label, label), normal(key)


def parsed_warnings(xml: str, keys: Mapping[str, str]) -> list[Problem]:
    """Return the warnings for a config that is not parsed yet; none for one that cannot be."""
    try:
        return warnings(labels.parse(xml), keys)
    except errors.Invalid:
        return []
