"""Cut the labelling editor out of the Label Studio wheel into ui/static/editor.

The wheel carries a webpack build of a whole application. Only the modules that its editor can
reach are kept, written as one script per language; the page addresses every file by the digest
that `manifest.json` gives. Run by `make editor`; a run that would change nothing ends at once.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from webpack import PUSH, Unexpected, only, references, split_chunk

VERSION = "1.23.2"
WHEEL = f"label_studio-{VERSION}-py3-none-any.whl"
WHEEL_SHA256 = "c575b2552d0b271554224c5e56ab2ce9449c6e62a0b4851bc8c706d8fe651137"
APPLICATION = "web/dist/apps/labelstudio/"
AUDIO = "decode-audio.wasm"
FONTS = "label_studio/core/static/fonts/"

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "var" / "cache"
TARGET = ROOT / "ui" / "static" / "editor"
WORDS = ROOT / "ui" / "words" / "editor_zh.json"

COMPRESSED = {".js", ".css", ".wasm", ".txt", ".ttf"}
SMALLEST_COMPRESSED = 4096

MODIFIED = f"""The files in this folder come from Label Studio {VERSION}
(Apache License 2.0, see LICENSE, NOTICE and 3rdpartylicenses.txt) and WERE MODIFIED:

- editor-en.js, editor-zh.js: the modules that the editor needs were taken out of runtime.js,
  vendor.js, main.js and the chunks they load, and joined in one script that starts no
  application; the names of lazily loaded files carry their digest.
  The buttons beside a suggestion have pictures, of which the editor asks for none; one
  suggestion is not called by its plural. The layer of selected regions is searched for once for
  each picture, not by each region, and more than fifteen regions share a layer where there are
  more than three hundred.
- editor-zh.js: texts for the user were translated into Chinese.
- editor.css: the style sheets were joined, the paths of the fonts made relative.

From the numbered scripts only the reference to a source map was taken. The fonts (Figtree, SIL
Open Font License 1.1) and decode-audio.wasm are unchanged. decode-audio.wasm is under
LGPL-2.1-or-later; it is a file of its own so that it can be replaced by another build of the same
library.
"""

# ---------------------------------------------------------------- the wheel


def fetch_wheel() -> Path:
    """Return the wheel from the cache, downloading it when it is not there; check its digest."""
    wheel = CACHE / WHEEL
    if not wheel.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:", "-d", str(CACHE)]
        subprocess.run([*command, f"label-studio=={VERSION}"], check=True)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise Unexpected(f"{WHEEL} has the digest {digest}, not {WHEEL_SHA256}; delete it")
    return wheel


# ------------------------------------------------------- finding what is needed

Scripts = dict[str, str]
Modules = dict[str, str]

LOAD = r"Promise\.all\(\[((?:\w\.e\(\d+\),?)+)\]\)\.then\(\w\.bind\(\w,(\d+)\)\)"


def read_scripts(wheel: zipfile.ZipFile) -> Scripts:
    """Return the text of every script of the application by its name."""
    names = [name for name in wheel.namelist() if name.startswith(APPLICATION)]
    return {
        name.removeprefix(APPLICATION): wheel.read(name).decode("utf-8")
        for name in names
        if name.endswith(".js")
    }


def find_entry(scripts: Scripts) -> tuple[str, list[str]]:
    """Return the id of the module that exports the editor, and the scripts it is loaded from."""
    files: dict[str, str] = {}
    for name, script in scripts.items():
        if head := PUSH.search(script[:400]):
            files |= dict.fromkeys(head.group(1).split(","), name)
    found: dict[str, list[str]] = {}
    for called, entry in set(re.findall(LOAD, scripts["main.js"])):
        names = [files[chunk] for chunk in re.findall(r"\d+", called)]
        exports = rf"[{{,]{entry}:(?:\(|\w+=>|function)[^}}]{{0,80}}\{{LabelStudio:\(\)=>"
        if any(re.search(exports, scripts[name]) for name in names):
            found[entry] = ["main.js", *names]
    if len(found) != 1:
        raise Unexpected(f"modules that export LabelStudio and are loaded: {sorted(found)}")
    return found.popitem()


def reachable(entry: str, modules: Modules, scripts: Scripts) -> tuple[list[str], list[str]]:
    """Return the ids of the modules the entry reaches, and the names of the lazy files."""
    lazy: set[str] = set()
    seen: set[str] = set()
    waiting = {entry}
    while waiting:
        module = waiting.pop()
        seen.add(module)
        asked, files = references(modules[module])
        # A shadowed name gives a few ids that no chunk has (`n(250)`); a module that is lacking
        # because it is loaded later is in one of the lazy files.
        waiting |= {each for each in asked if each in modules} - seen
        lazy |= {f"{each}.js" for each in files}
    if missing := lazy - scripts.keys():
        raise Unexpected(f"files the editor loads are not in the wheel: {sorted(missing)}")
    if len(seen) < 300:
        raise Unexpected(f"the editor reaches {len(seen)} modules only")
    return sorted(seen, key=int), sorted(lazy)


def find_reset(modules: Modules) -> str:
    """Return the base style, which the application keeps as a string inside a module."""
    module = next((each for each in modules.values() if "! tailwindcss v" in each), "")
    source = only(r'push\(\[\w\.id,("/\*\\n! tailwindcss v(?:[^"\\]|\\.)*")', module, "base style")
    return str(json.loads(source.group(1)))


# ------------------------------------------------------------------ translating

PROPERTIES = (
    "children title label tooltip placeholder ariaLabel description okText cancelText header text"
    " message info emptyText searchPlaceholder selectedLabel tags justOkText"
).split()
BEFORE_TEXT = (
    rf'(?<![\w$])(?:title=|(?:{"|".join(PROPERTIES)}|"aria-label"|"description"):\(?\[?'
    r"(?:[\w$.!=&|()<>+\[\]]*\?)?|"
    r'case"[a-z_]+":return|\{name:(?="[A-Z]\w+",component))'
)
LITERAL = r'"(?:[^"\\\n]|\\.)*"'
TEXTS = re.compile(rf"({BEFORE_TEXT})(?:({LITERAL}|[\w$.]+):)?({LITERAL})")


def quoted(text: str) -> str:
    """Return a text as a literal of JavaScript."""
    return json.dumps(text, ensure_ascii=False)


def translate(script: str, words: dict[str, dict[str, str]]) -> str:
    """Replace the user's texts: literals after a property of an element, whole sentences and
    those with values in them, and pairs of a singular and a plural, which Chinese says alike.

    Raises Unexpected when an entry of the table occurs nowhere, for then the table is out of date.
    """
    spoken = {quoted(k): quoted(v) for k, v in words["properties"].items()}
    used: set[str] = set()

    def replace(literal: str | None) -> str:
        if literal in spoken:
            used.add(literal)
            return spoken[literal]
        return literal or ""

    def in_property(match: re.Match[str]) -> str:
        before, first, second = match.groups()
        alternative = f"{replace(first)}:" if first else ""
        return f"{before}{alternative}{replace(second)}"

    script = TEXTS.sub(in_property, script)
    for english, chinese in words["sentences"].items():
        if quoted(english) in script:
            used.add(quoted(english))
        script = script.replace(quoted(english), quoted(chinese))
    filled = {f"`{english}`": f"`{chinese}`" for english, chinese in words["templates"].items()}
    for english, chinese in filled.items():
        if english in script:
            used.add(english)
        script = script.replace(english, chinese)
    pairs = {",".join(map(quoted, each.split(","))): z for each, z in words["plurals"].items()}
    for english, chinese in pairs.items():
        if english in script:
            used.add(english)
        script = script.replace(english, f"{quoted(chinese)},{quoted(chinese)}")
    sentences = {quoted(english) for english in words["sentences"]}
    known = spoken.keys() | sentences | filled.keys() | pairs.keys()
    if lost := sorted(known - used):
        raise Unexpected(f"texts of {WORDS.name} that the editor does not have: {', '.join(lost)}")
    return script


# --------------------------------------------------------------------- writing


def digest(content: bytes) -> str:
    """Return the SHA-256 digest of a content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def recipe() -> str:
    """Return the digest of everything a build depends on."""
    sources = (Path(__file__), Path(__file__).with_name("webpack.py"), WORDS)
    return digest(b"".join(source.read_bytes() for source in sources))


def is_current() -> bool:
    """Tell whether the folder holds what this script would write."""
    try:
        manifest = json.loads((TARGET / "manifest.json").read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    present = all((TARGET / name).is_file() for name in manifest["files"])
    return present and manifest["recipe"] == recipe()


def join(runtime: str, modules: Modules, kept: list[str], entry: str) -> str:
    """Return one script that defines `self.LabelStudio` out of the runtime and the modules."""
    notice = f"Label Studio {VERSION}, Apache-2.0, modified: see LICENSE, NOTICE, MODIFIED.txt"
    body = ",\n".join(f"{each}:{modules[each]}" for each in kept)
    start = f'require=>{{self.LabelStudio=require("{entry}").LabelStudio}}'
    chunks = "self.webpackChunklabelstudio"
    push = f'({chunks}={chunks}||[]).push([["editor"],{{\n{body}\n}},{start}]);'
    return f"/*! {notice}, 3rdpartylicenses.txt */\n{push}\n{runtime}\n"


def mended(script: str) -> str:
    """Give the two buttons beside a suggestion on a picture the icons that the editor means.

    It hands a component over where a picture's address is wanted, and the browser then asks for
    a page of that name.
    """
    for colour, line in (("#DD0000", "M2 2l8 8M10 2l-8 8"), ("#98C84E", "M2 6.5l3 3 5-7")):
        icon = only(rf'fill:"{colour}",iconColor:"#fff",icon:([\w.]+)', script, "an icon")
        drawn = (
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='12' height='12'"
            f"%3E%3Cpath d='{line}' fill='none' stroke='white' stroke-width='2'/%3E%3C/svg%3E"
        )
        head = icon.group().removesuffix(icon.group(1))
        script = script.replace(icon.group(), head + quoted(drawn))
    count = only(r'(\w+)\.size," suggestion",\1\.size>0&&"s"', script, "the suggestions counted")
    name = count.group(1)
    words = f'{name}.size,{name}.size>1?" suggestions":" suggestion"'
    return script.replace(count.group(), words)


def quickened(script: str) -> str:
    """Let pictures with thousands of regions be shown in seconds and in little memory.

    Every region searches the whole stage for the layer of selected regions when it is drawn:
    among five thousand that takes minutes. It is found once and kept with the stage as long as
    it is part of it. And fifteen regions share a layer, each with two canvases of the picture's
    size, gigabytes in all; past twenty layers more share one, twice as many at a time, so that
    regions seldom move from layer to layer.
    """
    search = only(
        r"(\w+)\.current\.getStage\(\)\.findOne\((\w+)\)", script, "the search of a layer"
    )
    name, selector = search.groups()
    kept = (
        f"(stage=>{{const kept=stage.keptLayers||(stage.keptLayers={{}});"
        f"const layer=kept[{selector}];"
        f"return layer&&layer.getStage()===stage?layer:kept[{selector}]=stage.findOne({selector})"
        f"}})({name}.current.getStage())"
    )
    script = script.replace(search.group(), kept)
    share = only(r"\.chunks\)\((\w),(\w)\):\1\)\.map", script, "regions that share a layer")
    regions, number = share.groups()
    most = f"(number=>{{for(;20*number<{regions}.length;)number*=2;return number}})({number})"
    return script.replace(share.group(), f".chunks)({regions},{most}):{regions}).map")


def point_at_digests(runtime: str, lazy: dict[str, bytes]) -> str:
    """Let the runtime ask for the lazy files with their digest."""
    table = {Path(name).stem: f"{name}?v={digest(content)[:16]}" for name, content in lazy.items()}
    rule = only(r'(\w)\.u=(\w)=>\2\+"\.js"', runtime, "the names of lazy files")
    runtime = re.sub(r"\n//# sourceMappingURL=.*", "", runtime)
    require, name = rule.groups()
    return runtime.replace(
        rule.group(), f'{require}.u={name}=>({json.dumps(table)})[{name}]||{name}+".js"'
    )


def without_map(content: bytes) -> bytes:
    """Leave out the reference to a source map, which is not served."""
    return re.sub(rb"\n(?://#|/\*#) sourceMappingURL=[^\n]*", b"", content)


def licences(wheel: zipfile.ZipFile) -> dict[str, bytes]:
    """Return the licences of the editor and of what it contains."""
    texts = {"MODIFIED.txt": MODIFIED.encode()}
    for name in wheel.namelist():
        short = name.rpartition("/")[2]
        others = name.startswith(APPLICATION) and name.endswith(("licenses.txt", "LICENSE.txt"))
        if others or ".dist-info/licenses/" in name:
            texts[short] = wheel.read(name)
    for needed in ("LICENSE", "NOTICE", "3rdpartylicenses.txt"):
        if needed not in texts:
            raise Unexpected(f"the wheel has no {needed}")
    return texts


def style_sheet(wheel: zipfile.ZipFile, reset: str, scripts: list[str]) -> dict[str, bytes]:
    """Return the joined style sheet and the fonts it names."""
    names = [f"{APPLICATION}{name.removesuffix('.js')}.css" for name in scripts]
    sheets = [wheel.read(name) for name in names if name in wheel.namelist()]
    style = "\n".join([reset, *(without_map(sheet).decode() for sheet in sheets)])
    files = {}
    for font in set(re.findall(r"url\(/static/fonts/([\w-]+\.ttf)\)", style)):
        files[font] = wheel.read(FONTS + font)
        style = style.replace(f"/static/fonts/{font}", f"{font}?v={digest(files[font])[:16]}")
    if len(sheets) < 2 or "/static/" in style:
        raise Unexpected("a style sheet is missing, or asks for a file of the application's server")
    return files | {"editor.css": style.encode()}


def build(wheel: zipfile.ZipFile) -> dict[str, bytes]:
    """Return every file of the editor by its name, read from the wheel."""
    scripts = read_scripts(wheel)
    entry, sources = find_entry(scripts)
    modules = {k: v for name in sources for k, v in split_chunk(scripts[name]).items()}
    kept, lazy = reachable(entry, modules, scripts)

    files = {name: without_map(scripts[name].encode()) for name in lazy}
    runtime = point_at_digests(scripts["runtime.js"], files)
    files |= licences(wheel) | style_sheet(wheel, find_reset(modules), sources)
    files[AUDIO] = wheel.read(APPLICATION + AUDIO)

    script = quickened(mended(join(runtime, modules, kept, entry)))
    script = script.replace(f'"{AUDIO}"', f'"{AUDIO}?v={digest(files[AUDIO])[:16]}"')
    files["editor-en.js"] = script.encode()
    files["editor-zh.js"] = translate(script, json.loads(WORDS.read_text("utf-8"))).encode()
    return files


def write(files: dict[str, bytes]) -> None:
    """Write the files, compressed copies of the big ones and the manifest in place of the old."""
    fresh = TARGET.with_name("editor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, content in files.items():
        (fresh / name).write_bytes(content)
        if Path(name).suffix in COMPRESSED and len(content) > SMALLEST_COMPRESSED:
            (fresh / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    digests = {name: digest(files[name]) for name in sorted(files)}
    manifest = {"version": VERSION, "recipe": recipe(), "files": digests}
    (fresh / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    shutil.rmtree(TARGET, ignore_errors=True)
    fresh.rename(TARGET)


def main() -> None:
    """Build the editor unless it is current."""
    if is_current():
        return
    with zipfile.ZipFile(fetch_wheel()) as wheel:
        files = build(wheel)
    write(files)
    print(f"Label Studio {VERSION}: {len(files)} files in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
