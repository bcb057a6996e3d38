"""Offer ready labelling configurations, manufacturing first.

A label's `value` is what the annotator reads, its `alias` what is stored, so results stay
`open` while the page says 开路.
"""

from __future__ import annotations

from html import escape
from typing import Any

from . import corpus, defects, pictures, reading, series, sound, text
from .template import GROUPS, Template

__all__ = ["GROUPS", "TEMPLATES", "Template", "gallery"]

_FILES = (defects, reading, pictures, text, corpus, sound, series)
TEMPLATES: dict[str, Template] = {
    template.name: template for file in _FILES for template in file.TEMPLATES
}


def gallery() -> dict[str, list[Any]]:
    """Give Label Studio's answer about templates: `{templates: [...], groups: [...]}`."""
    return {
        "templates": [
            {
                "title": template.title_zh,
                "type": "community",
                "group": template.group_zh,
                "order": order,
                "image": template.image,
                "details": _details(template),
                "config": template.config,
            }
            for order, template in enumerate(TEMPLATES.values())
        ],
        "groups": [chinese for chinese, _english in GROUPS.values()],
    }


def _details(template: Template) -> str:
    return (
        f"<h1>{escape(template.title_zh)}</h1><p>{escape(template.about_zh)}</p>"
        f'<p lang="en"><b>{escape(template.title_en)}.</b> {escape(template.about_en)}</p>'
    )
