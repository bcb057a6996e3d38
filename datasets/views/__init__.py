"""Look at a project's tasks: filters, orders, saved views, chosen tasks."""

from .columns import COLUMNS, Column, Kind, column
from .filters import Query, decoded, parse_query
from .lists import Page, chosen, page
from .rows import View, add, change, get, of_project, remove, reset

__all__ = [
    "COLUMNS",
    "Column",
    "Kind",
    "Page",
    "Query",
    "View",
    "add",
    "change",
    "chosen",
    "column",
    "decoded",
    "get",
    "of_project",
    "page",
    "parse_query",
    "remove",
    "reset",
]
