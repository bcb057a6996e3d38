"""Page lists as Label Studio does: `page`, `page_size`, `{count, next, previous, results}`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import request

from ...datasets import errors
from ...datasets.errors import _
from .reading import number

DEEPEST_PAGE = 2**40


def page_number() -> int:
    """Return which page the address asks for, 1 unless told.

    Raises:
        errors.Invalid: it is no whole number from 1.
    """
    return number(request.args, "page", 1, lowest=1, highest=DEEPEST_PAGE)


def check_page(page: int, size: int, count: int) -> None:
    """Raise errors.NotFound for a page past the end; the first page is always there."""
    if page > 1 and (page - 1) * size >= count:
        raise errors.NotFound(_("Invalid page."))


def paged(count: int, rows: list[Any], page: int, size: int) -> dict[str, Any]:
    """Return one page of `count` rows with the addresses of its neighbours.

    Raises:
        errors.NotFound: the page lies past the end.
    """
    check_page(page, size, count)
    return {
        "count": count,
        "next": _address(page + 1) if page * size < count else None,
        "previous": _address(page - 1) if page > 1 else None,
        "results": rows,
    }


def _address(page: int) -> str:
    values = [(name, value) for name, value in request.args.items(multi=True) if name != "page"]
    if page > 1:
        values.append(("page", str(page)))
    query = urlencode(sorted(values))
    return f"{request.base_url}?{query}" if query else request.base_url
