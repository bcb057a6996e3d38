"""The `jinbiao` command: every step of the chain, and what an operator needs."""

from __future__ import annotations

import logging
import sys

import click

from .loading import Commands, Loaded, Place, load

# Where each command is, and what the list says of it; a test compares it with the commands.
PLACES = {
    "up": Place(
        ".up",
        "启动全部服务 · Start server, worker and a private Redis; Ctrl-C stops them together.",
    ),
    "serve": Place(".serve", "启动网页服务 · Serve HTTP on JINBIAO_HOST:JINBIAO_PORT."),
    "work": Place(".work", "启动工作进程 · Work on jobs; run it on as many hosts as wanted."),
    "migrate": Place(
        ".operate", "升级数据库结构 · Bring the database to the schema that this program needs."
    ),
    "health": Place(".operate", "检查各部分 · Ask every part; exit 1 when one does not answer."),
    "backup": Place(".operate", "备份到一个文件 · Back everything up into one file."),
    "restore": Place(
        ".operate", "从备份恢复到空的安装 · Fill an empty installation from a backup."
    ),
    "project": Place(".projects", "项目 · Projects: create, list."),
    "import": Place(
        ".chain",
        "导入文件夹、ZIP 或任务列表 · Import folders, ZIPs, media, task lists, files with labels.",
    ),
    "prelabel": Place(
        ".chain", "模型预标注 · Train a model on people's labels and pre-label what waits."
    ),
    "review": Place(
        ".chain",
        "审核：把待审标注全部通过（自己的除外）· "
        "Accept every annotation that waits, but one's own.",
    ),
    "freeze": Place(
        ".chain",
        "固化版本，打印 40 位版本号 · Freeze what was accepted; print the version's 40 digits.",
    ),
    "export": Place(
        ".chain", '导出版本 · Export a version (tag, commit id or "latest") in a format.'
    ),
    "publish": Place(
        ".chain", "发布到公开目录 · Publish a version as NAME in the public catalogue."
    ),
    "demo": Place(
        ".chain",
        "演示整条链路并发布 demo/pcb-defects · Run the whole chain on demo boards and publish it.",
    ),
    "user": Place(".accounts", "用户 · People: add, list, set a password."),
    "token": Place(
        ".accounts",
        "签发 API 令牌，最后一行即令牌 · Make an API token; the last line is the token.",
    ),
    "audit": Place(".accounts", "审计 · The chain of audit events."),
    "administrators": Place(
        ".accounts",
        "建立三员：系统、安全、审计管理员 · Make the three administrators who share no right.",
    ),
    "keys": Place(
        ".trust", "签名密钥 · The keys that sign releases: list them; “rotate” replaces them."
    ),
    "datasheet": Place(".trust", "说明书 · The datasheets of published datasets."),
    "push": Place(
        ".sending",
        "推送到其他目录 · Send a version of DATASET (organisation/name) to TARGET, by its name.",
    ),
    "scan": Place(
        ".searching",
        "扫描个人信息 · Look for personal information in PROJECT, or in a library by its number.",
    ),
    "library": Place(
        ".libraries", "素材库 · Libraries of raw material: create, list, bring, send."
    ),
    "feed": Place(
        ".feeding", "数据源 · Feeds: places that fill a library or a project again and again."
    ),
    "recipe": Place(
        ".recipes", "清洗配方 · Cleaning recipes: list, show, import, export, operators."
    ),
    "clean": Place(
        ".recipes",
        "按配方清洗素材库 · Clean a library by a recipe, here and now; the originals stay.",
    ),
}


@click.group(
    cls=Commands,
    commands=Loaded(PLACES),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="jinbiao", prog_name="jinbiao")
@click.option("--verbose", is_flag=True, help="更多日志 · More log lines")
def jinbiao(verbose: bool) -> None:
    """津标 Jinbiao：从原始图像到可查证的公开数据集。

    From raw pictures to a published, provable dataset. Settings are environment variables
    (JINBIAO_HOME, JINBIAO_PORT, …); docs/settings.md lists them.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def main() -> None:
    """Run the command; a user's mistake ends in one clear line and exit code 1."""
    try:
        jinbiao.main(standalone_mode=False)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except Exception as problem:
        if not load(".mistakes").tell(problem):
            raise
        sys.exit(1)
