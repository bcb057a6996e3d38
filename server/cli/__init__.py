"""The `jinbiao` command: every step of the chain, and what an operator needs."""

from __future__ import annotations

import logging
import sys

import click
import sqlalchemy as sa

from ...datasets import errors
from ...datasets.errors import _
from .accounts import COMMANDS as ACCOUNTS
from .chain import COMMANDS as CHAIN
from .feeding import COMMANDS as FEEDING
from .libraries import COMMANDS as LIBRARIES
from .operate import COMMANDS as OPERATE
from .printing import say_error
from .recipes import COMMANDS as RECIPES
from .searching import COMMANDS as SEARCHING
from .sending import COMMANDS as SENDING
from .trust import COMMANDS as TRUST


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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


for command in (
    *OPERATE,
    *CHAIN,
    *ACCOUNTS,
    *TRUST,
    *SENDING,
    *SEARCHING,
    *LIBRARIES,
    *FEEDING,
    *RECIPES,
):
    jinbiao.add_command(command)


def main() -> None:
    """Run the command; a user's mistake ends in one clear line and exit code 1."""
    try:
        jinbiao.main(standalone_mode=False)
    except errors.JinbiaoError as problem:
        say_error(problem)
        sys.exit(1)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        say_error(
            errors.Unavailable(
                _("%(path)s cannot be used: %(reason)s"),
                path=str(problem.filename or ""),
                reason=reason,
            )
        )
        sys.exit(1)
    except sa.exc.OperationalError as problem:
        reason = str(problem.orig).splitlines()[0]
        say_error(errors.Unavailable(_("the database is away: %(reason)s"), reason=reason))
        sys.exit(1)
