"""Read the minified chunks that webpack writes: their modules, and what a module asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator


class Unexpected(Exception):
    """Say that the wheel is not built the way this script knows."""


def only(pattern: str, text: str, what: str) -> re.Match[str]:
    """Return the single match of a pattern in a text; fail when there are none or several."""
    found = list(re.finditer(pattern, text))
    if len({match.group() for match in found}) != 1:
        raise Unexpected(f"{what}: {len(found)} places match {pattern!r}")
    return found[0]


TOKEN = re.compile(
    r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|/\*.*?\*/|//[^\n]*|[`(){}\[\]/]""", re.DOTALL
)
REGEX = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
TEMPLATE = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*(`|\$\{)", re.DOTALL)
BEFORE_REGEX = re.compile(r"(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|else|do)$")


def brackets(script: str, position: int) -> Iterator[tuple[str, int]]:
    """Yield every bracket of the code with its place, leaving out strings, regexes, comments."""
    braces: list[str] = []
    while found := TOKEN.search(script, position):
        token, start, position = found.group(), found.start(), found.end()
        if token == "/":
            operand = script[start - 1] in "(,=:[!&|?{};+-*%~^<>\n"
            if operand or BEFORE_REGEX.search(script, max(0, start - 12), start):
                regex = REGEX.match(script, start)
                position = regex.end() if regex else position
            continue
        resumes = token == "}" and bool(braces) and braces.pop() == "${"
        if token == "`" or resumes:
            if resumes:
                yield token, start
            template = TEMPLATE.match(script, position)
            if template is None:
                raise Unexpected(f"a template at {start} has no end")
            position = template.end()
            if template.group(1) == "${":
                braces.append("${")
                yield "{", position - 1
        elif len(token) == 1:
            if token == "{":
                braces.append("{")
            yield token, start


PUSH = re.compile(r"\.push\(\[\[([\d,]+)\],(?=\{)")
HEAD = re.compile(r"(\d+):(?=\(|\w+=>|function)")


def split_chunk(script: str) -> dict[str, str]:
    """Return the modules of a webpack chunk, the source of each by its id."""
    head = PUSH.search(script)
    if head is None:
        raise Unexpected(f"not a webpack chunk: {script[:80]!r}")
    depth, cuts = 0, [head.end() + 1]
    for bracket, place in brackets(script, head.end()):
        depth += 1 if bracket in "({[" else -1
        if depth == 1 and bracket == "}" and script[place + 1] == ",":
            cuts.append(place + 2)
        if depth == 0:
            cuts.append(place + 1)
            break
    modules = {}
    for start, end in zip(cuts, cuts[1:], strict=False):
        module = HEAD.match(script, start)
        if module is None:
            raise Unexpected(f"no module begins at {script[start : start + 80]!r}")
        modules[module.group(1)] = script[module.end() : end - 1]
    return modules


PARAMETERS = re.compile(r"(?:\(([^)]*)\)|(\w+))=>|function\s*\w*\(([^)]*)\)")


def references(source: str) -> tuple[set[str], set[str]]:
    """Return the ids of the modules and of the lazy files that the source of a module names."""
    head = PARAMETERS.match(source)
    named = next((group for group in head.groups() if group), "") if head else ""
    parameters = named.split(",")
    if len(parameters) < 3:
        return set(), set()
    name = re.escape(parameters[2])
    require = rf"(?<![\w$.]){name}"
    modules = set(re.findall(rf"{require}\((\d+)\)", source))
    modules |= set(re.findall(rf"{require}(?:\.t)?\.bind\({name},(\d+)", source))
    return modules, set(re.findall(rf"{require}\.[eu]\((\d+)\)", source))
