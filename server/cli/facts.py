"""Give commands the options by which the facts of a dataset are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from ...datasets import catalogue, errors
from ...datasets.errors import _

Command = TypeVar("Command", bound=Callable[..., Any])

_HELP = {
    "openness": "开放类型，须注明 · How far it is open; needed",
    "data_level": "数据级别，须注明 · Level of GB/T 43697; needed",
    "rights_basis": "权利依据，须注明 · By what right; needed",
    "domain": "数据领域，须注明 · Domain; needed",
    "update_cycle": "更新周期，须注明 · How often it is brought up to date; needed",
    "provider": "提供方，默认为本单位 · Provider; else the organisation",
    "provider_code": "提供方统一社会信用代码 · Its credit code; else the organisation's",
    "open_condition": "开放条件 · Under which conditions",
    "dataset_class": "数据集类别 · Class of TC609-5-2025-03",
    "region": "行政区划代码，六位 · Six digits of GB/T 2260",
    "covers_from": "时间范围起 · First day covered, 2026-01-31",
    "covers_to": "时间范围止 · Last day covered",
    "contact_name": "联系人 · Contact",
    "contact_email": "联系邮箱 · E-mail of the contact",
    "resource_code": "信息资源代码 · Code of the resource",
}


def fact_options(command: Command) -> Command:
    """Add an option for each fact; the command gets them by the names of catalogue.Facts."""
    for name, words in reversed(_HELP.items()):
        choices = [str(value) for value in catalogue.CHOICES.get(name, ())]
        kind = click.Choice(choices) if choices else click.STRING
        option = click.option(f"--{name.replace('_', '-')}", name, type=kind, help=words)
        command = option(command)
    return click.option(
        "--sheet",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="数据说明书内容，JSON 文件 · What the datasheet says, a JSON file",
    )(command)


def told(values: dict[str, Any]) -> dict[str, Any]:
    """Return the facts among a command's values: those that were told.

    Raises:
        errors.Invalid: the file of the datasheet holds no JSON.
    """
    given = {name: values[name] for name in _HELP if values.get(name) is not None}
    path = values.get("sheet")
    if path is not None:
        try:
            given["sheet"] = msgspec.json.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError) as problem:
            raise errors.Invalid(
                _("%(path)s cannot be read: %(reason)s"), path=str(path), reason=str(problem)
            ) from problem
    return given
