"""Bring the Chinese words up to date with the code, and compile them for the pages.

`words.py` (run by `make words`) compiles `messages.po` to `messages.mo` where it changed;
`words.py --collect` reads all messages out of the code and the templates and merges them
into `messages.po`: new ones come in empty, old ones go.
"""

from __future__ import annotations

import ast
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages import pofile
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo

ROOT = Path(__file__).resolve().parents[2]
WORDS = ROOT / "ui" / "words"
SOURCE = WORDS / "zh" / "LC_MESSAGES" / "messages.po"
# Without dates, so that collecting twice gives the same file.
HEADER = """# The words of Jinbiao in Chinese; ui/build/words.py brings them up to date.
msgid ""
msgstr ""
"Language: zh\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def collect() -> Catalog:
    """Return every message of the code and the templates, with where it is."""
    with (WORDS / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    keywords = {**DEFAULT_KEYWORDS, "_": None}
    found = Catalog(charset="utf-8")
    for folder in ("datasets", "exporters", "workers", "server", "ui/templates"):
        for name, _line, message, comments, context in extract_from_dir(
            ROOT / folder,
            method_map=[(pattern.removeprefix(f"{folder}/"), how) for pattern, how in methods],
            options_map={k.removeprefix(f"{folder}/"): v for k, v in options.items()},
            keywords=keywords,
        ):
            # Without line numbers, so that moving code does not change the file.
            place = (f"{folder}/{name}", 0)
            found.add(message, locations=[place], auto_comments=comments, context=context)
    for place, summary in summaries():
        found.add(summary, locations=[(place, 0)])
    return found


def summaries() -> Iterator[tuple[str, str]]:
    """Yield each route of the API, as the page of all routes tells it: its file and summary."""
    for path in sorted((ROOT / "server").rglob("*.py")):
        # The hub speaks in the words of another protocol, which nobody reads here.
        if path.parent.name == "hub":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(map(_is_route, node.decorator_list)):
                words = ast.get_docstring(node) or ""
                yield path.relative_to(ROOT).as_posix(), words.partition("\n")[0]


def _is_route(decorator: ast.expr) -> bool:
    """Tell whether a decorator gives a function an address under /api/ (or a composed one)."""
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
        return False
    if decorator.func.attr not in ("get", "post", "put", "patch", "delete", "route"):
        return False
    address = decorator.args[0]
    return not isinstance(address, ast.Constant) or "/api/" in str(address.value)


def read() -> Catalog:
    """Return the Chinese words as they are."""
    with SOURCE.open("rb") as file:
        return pofile.read_po(file, locale="zh")


def update() -> None:
    """Merge the messages of the code into the Chinese words."""
    words = read() if SOURCE.is_file() else Catalog(locale="zh")
    words.update(collect(), no_fuzzy_matching=True)
    words.obsolete.clear()
    out = io.BytesIO()
    pofile.write_po(out, words, width=100, sort_output=True, omit_header=True, include_lineno=False)
    SOURCE.parent.mkdir(parents=True, exist_ok=True)
    SOURCE.write_bytes(HEADER.encode() + out.getvalue())


def build() -> None:
    """Compile the Chinese words unless the compiled file is younger."""
    target = SOURCE.with_suffix(".mo")
    if target.is_file() and target.stat().st_mtime_ns >= SOURCE.stat().st_mtime_ns:
        return
    fresh = target.with_name(f"messages.{os.getpid()}.mo")
    with fresh.open("wb") as file:
        write_mo(file, read())
    fresh.replace(target)
    print(f"{len(read())} messages in {target.relative_to(ROOT)}")


def main() -> None:
    """Collect when asked to, then compile."""
    if "--collect" in sys.argv[1:]:
        update()
    build()


if __name__ == "__main__":
    main()
