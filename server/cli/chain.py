"""Commands of the chain: import, prelabel, review, freeze, export, publish, demo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from ...datasets import catalogue, errors, exports, labelled, projects, versions
from ...datasets.errors import _
from ...datasets.installation import Installation
from ...exporters import archive
from ...exporters.formats import FORMATS, chosen
from ...workers import demo as demo_chain
from ...workers.models import MODELS
from . import reject_files
from .asking import ACTING, asks
from .facts import fact_options
from .facts import told as facts_told
from .here import run_here
from .machine import at_the_machine
from .opened import acting_as, opened
from .printing import progress, say, say_skipped, worded

# As much as the API takes.
NOTES_LENGTH = 5000


@click.command("import")
@click.argument("reference", metavar="PROJECT")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(labelled.FORMATS)),
    default="auto",
    show_default=True,
    help="标注格式 · The format of the labels",
)
@click.option(
    "--labels-as",
    type=click.Choice(labelled.KEPT_AS),
    default="annotations",
    show_default=True,
    help="标签作为标注或预标注 · What the labels become",
)
@ACTING
@asks("task.import")
def import_data(
    reference: str, paths: tuple[Path, ...], format_name: str, labels_as: str, username: str
) -> None:
    """导入文件夹、ZIP 或任务列表 · Import folders, ZIPs, media, task lists, files with labels.

    Rows that fail go to a reject file with the reason; the rest are kept.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise errors.Invalid(_("there is no file or folder %(path)s"), path=missing[0])
    with opened() as installation:
        with installation.database.read() as session:
            actor = acting_as(session, username, "task.import")
            target = projects.find(session, actor, reference)
        for path in paths:
            request = {"path": str(path.absolute()), "name": path.name}
            request |= {"format": format_name, "as": labels_as}
            job = run_here(installation, actor, target, "import", request, path.name)
            result = job.result_values
            say(
                _("%(name)s: %(tasks)s tasks, %(rejected)s rejected"),
                name=path,
                tasks=result["tasks"],
                rejected=result["rejected"],
            )
            for note in result["notes"]:
                click.echo(f"  {worded(note['message'], note['values'])}")
            for reason, number in result["skipped"].items():
                say_skipped(reason, number)
            reject_files.write(installation, result["reject_file"], path.name)


@click.command()
@click.argument("reference", metavar="PROJECT")
@click.option("--model", type=click.Choice(list(MODELS)), default="golden_difference")
@ACTING
@asks("prelabel.run")
def prelabel(reference: str, model: str, username: str) -> None:
    """模型预标注 · Train a model on people's labels and pre-label what waits."""
    with opened() as installation:
        with installation.database.read() as session:
            actor = acting_as(session, username, "prelabel.run")
            target = projects.find(session, actor, reference)
        job = run_here(installation, actor, target, "prelabel", {"model": model}, _("Pre-label"))
        result = job.result_values
        say(
            _("%(model)s: %(examples)s examples, %(predicted)s predicted, %(failed)s failed"),
            model=result["model_version"],
            examples=result["examples"],
            predicted=result["predicted"],
            failed=result["failed"],
        )


@click.command()
@click.argument("reference", metavar="PROJECT")
@click.option("--accept-all", is_flag=True, required=True, help="全部通过 · Accept what waits")
@click.option("--as", "username", required=True, help="审核员 · The reviewer")
@asks("annotation.review")
def review(reference: str, accept_all: bool, username: str) -> None:
    """审核：把待审标注全部通过（自己的除外）· Accept every annotation that waits, but one's own."""
    with opened() as installation:
        with installation.database.read() as session:
            actor = acting_as(session, username, "annotation.review")
            target = projects.find(session, actor, reference)
        say(_("accepted: %(number)s"), number=demo_chain.accept_all(installation, actor, target))


@click.command()
@click.argument("reference", metavar="PROJECT")
@click.option("--tag", help="如 v1.0.0 · Such as v1.0.0; else the next one")
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True)
@click.option(
    "--fractions",
    default="0.7,0.15,0.15",
    show_default=True,
    help="训练,验证,测试 · train,validation,test",
)
@ACTING
@asks("version.freeze")
def freeze(reference: str, tag: str | None, seed: int, fractions: str, username: str) -> None:
    """固化版本，打印 40 位版本号 · Freeze what was accepted; print the version's 40 digits."""
    with opened() as installation:
        with installation.database.read() as session:
            actor = acting_as(session, username, "version.freeze")
            target = projects.find(session, actor, reference)
        request = {"tag": tag, "seed": seed, "fractions": _fractions(fractions)}
        job = run_here(installation, actor, target, "freeze", request, _("Freeze a version"))
        result = job.result_values
        say(
            _("%(name)s: %(records)s records"),
            err=True,
            name=result["tag"],
            records=result["records"],
        )
        click.echo(result["commit_id"])


@click.command()
@click.argument("reference", metavar="PROJECT")
@click.argument("version", metavar="VERSION")
@click.argument("format_name", metavar="FORMAT", type=click.Choice(list(FORMATS)))
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="写成 ZIP · Also write it as a ZIP"
)
@ACTING
@asks("version.export")
def export(
    reference: str, version: str, format_name: str, target: Path | None, username: str
) -> None:
    """导出版本 · Export a version (tag, commit id or "latest") in a format."""
    with opened() as installation:
        with installation.database.read() as session:
            actor = acting_as(session, username, "version.export")
            owner = projects.find(session, actor, reference)
            found = versions.find(session, owner, version)
        request = {"version": found.id, "format": format_name}
        result = run_here(installation, actor, owner, "export", request, format_name).result_values
        say(
            _("%(format)s: %(records)s records, %(regions)s regions"),
            format=format_name,
            records=result["records"],
            regions=result["regions"],
        )
        click.echo(f"manifest sha256 {result['manifest']}")
        if target is None:
            return
        with installation.database.read() as session:
            row = session.get_one(exports.Export, result["export"])
            files = exports.files(session, row)
        total = archive.zip_size(files)
        with progress(str(target)) as show, target.open("wb") as out:
            for chunk in archive.stream_zip(installation.store, files):
                out.write(chunk)
                show(out.tell(), total)
        click.echo(str(target))


@click.command()
@click.argument("reference", metavar="PROJECT")
@click.argument("version", metavar="VERSION")
@click.argument("name", metavar="NAME")
@click.option("--title", default="", help="标题 · Title; else the project's")
@click.option("--title-en", default="", help="英文标题 · English title")
@click.option("--description", default="", help="说明 · What it is")
@click.option("--licence", default="CC-BY-4.0", show_default=True)
@click.option("--keyword", multiple=True, help="关键词 · May be given several times")
@click.option("--task-category", multiple=True, help="如 object-detection")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(list(FORMATS)),
    help="格式，可给多个；不给即用默认格式 · Several times for several; else the usual ones",
)
@click.option("--notes", default="", help="本版变化 · What is new")
@click.option("--kind", type=click.Choice(("release", "erratum")), default="release")
@click.option(
    "--corrects",
    multiple=True,
    help="勘误更正的记录标识，可给多个 · A record that an erratum corrects",
)
@fact_options
@ACTING
@asks("dataset.publish")
def publish(
    reference: str,
    version: str,
    name: str,
    title: str,
    title_en: str,
    description: str,
    licence: str,
    keyword: tuple[str, ...],
    task_category: tuple[str, ...],
    username: str,
    **told: Any,
) -> None:
    """发布到公开目录 · Publish a version as NAME in the public catalogue."""
    with opened() as installation:
        with installation.database.read() as session:
            actor = acting_as(session, username, "dataset.publish")
            owner = projects.find(session, actor, reference)
            found = versions.find(session, owner, version)
            # What is missing is told now, all of it, before the long work.
            facts = catalogue.facts_for(
                session, owner, catalogue.checked_name(name), facts_told(told)
            )
            formats = _formats(session, installation, found.id, told["formats"])
        if len(told["notes"]) > NOTES_LENGTH:
            raise errors.TooLarge(
                _("must have at most %(longest)s characters"),
                place="notes",
                longest=NOTES_LENGTH,
            )
        request = {
            "version": found.id,
            "name": name,
            "facts": catalogue.as_json(facts),
            "title": title,
            "title_en": title_en,
            "description": description,
            "licence": licence,
            "keywords": list(keyword),
            "task_categories": list(task_category),
            "notes": told["notes"],
            "kind": told["kind"],
            "corrects": list(told["corrects"]),
            "formats": formats,
        }
        job = run_here(installation, actor, owner, "publish", request, _("Publish"))
        result = job.result_values
        for format_name, reason in result["left_out"].items():
            say(
                _("left out %(format)s: %(why)s"),
                err=True,
                format=format_name,
                why=worded(reason, {}),
            )
        click.echo(f"{result['dataset']} {result['tag']} {result['commit_id']}")


@click.command()
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="DeepPCB 文件夹 · A DeepPCB folder instead of the drawn boards",
)
@click.option("--pairs", type=click.IntRange(20, 2000), default=40, show_default=True)
@at_the_machine("it makes people and a project of its own, in an organisation of its own")
def demo(images: Path | None, pairs: int) -> None:
    """演示整条链路并发布 demo/pcb-defects · Run the whole chain on demo boards and publish it."""
    with opened() as installation:
        for step in demo_chain.run(installation, images=images, pairs=pairs):
            say(step.message, **step.values)
            sys.stdout.flush()


def _formats(
    session: Session, installation: Installation, version_id: int, names: tuple[str, ...]
) -> list[str]:
    """Return the formats that were asked for, none where nothing was said of them."""
    if not names:
        return []
    frozen = versions.opened(session, installation.database, installation.store, version_id)
    return chosen(names, frozen.config)


def _fractions(text: str) -> dict[str, float]:
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError as problem:
        raise errors.Invalid(_("must be three numbers with commas"), place="fractions") from problem
    if len(shares) != 3:
        raise errors.Invalid(_("must be three numbers with commas"), place="fractions")
    return dict(zip(("train", "validation", "test"), shares, strict=True))


COMMANDS = (import_data, prelabel, review, freeze, export, publish, demo)
