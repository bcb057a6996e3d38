"""Commands about people: users, tokens, the audit chain."""

from __future__ import annotations

import sys

import click

from ...datasets import audit, errors, people
from ...datasets.errors import _
from ...datasets.people import Role
from .opened import acting_as, opened


@click.group()
def user() -> None:
    """用户 · People: add, list, set a password."""


@user.command("add")
@click.argument("username")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--organisation", required=True, help="组织代号 · Slug; made if it is new")
@click.option("--organisation-name", default="", help="组织名称 · Its name, where it is new")
@click.option("--name", default="", help="姓名 · The person's name")
def user_add(
    username: str, role: str, organisation: str, organisation_name: str, name: str
) -> None:
    """添加用户，打印一次性密码 · Add a person and print their one-time password."""
    with opened() as installation, installation.database.write() as session:
        actor = acting_as(session, "admin", "people.manage")
        home = people.find_organisation(session, organisation)
        if home is None:
            home = people.add_organisation(session, organisation, organisation_name)
            audit.record(session, actor, "organisation.create", f"organisation/{organisation}")
        added, password = people.add_user(
            session, username, role=role, organisation=home, name=name
        )
        audit.record(
            session,
            actor,
            "person.create",
            f"user/{added.username}",
            role=role,
            organisation=organisation,
        )
    click.echo(f"{added.username}: 一次性密码 one-time password:", err=True)
    click.echo(password)


@user.command("list")
def user_list() -> None:
    """列出用户 · List all people."""
    with opened() as installation, installation.database.read() as session:
        acting_as(session, "admin", "people.manage")
        for person in people.users(session):
            state = "" if person.is_active else "  (inactive)"
            click.echo(
                f"{person.username}\t{person.role}\t{person.organisation.slug}"
                f"\t{person.name}{state}"
            )


@user.command("password")
@click.argument("username")
@click.option("--stdin", is_flag=True, help="从标准输入读取 · Read it from standard input")
def user_password(username: str, stdin: bool) -> None:
    """设置密码 · Set a person's password."""
    if stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("密码 password", hide_input=True, confirmation_prompt=True)
    with opened() as installation, installation.database.write() as session:
        actor = acting_as(session, "admin", "people.manage")
        person = people.get_user(session, username)
        people.set_password(session, person, password)
        audit.record(session, actor, "person.password", f"user/{person.username}")


@click.command()
@click.argument("username")
@click.option("--name", default="cli", help="用途 · What it is for")
@click.option("--days", type=click.IntRange(1, 3650), help="有效天数 · Days until it expires")
def token(username: str, name: str, days: int | None) -> None:
    """签发 API 令牌，最后一行即令牌 · Make an API token; the last line is the token."""
    with opened() as installation, installation.database.write() as session:
        actor = acting_as(session, "admin", "people.manage")
        person = people.get_user(session, username)
        row, secret = people.add_token(session, person, name, days)
        audit.record(session, actor, "token.create", f"token/{row.id}", user=person.username)
    click.echo(f"{person.username} 的令牌，只显示这一次 · shown this once:", err=True)
    click.echo(secret)


@click.group("audit")
def audit_group() -> None:
    """审计 · The chain of audit events."""


@audit_group.command("verify")
def audit_verify() -> None:
    """检查审计链 · Check the chain; exit 1 when an event was edited or is missing."""
    with opened() as installation, installation.database.read() as session:
        verdict = audit.verify(session)
    if verdict.fault is not None:
        raise errors.Damaged(
            _("the audit chain is broken after %(events)s good events: %(fault)s"),
            events=verdict.events,
            fault=verdict.fault,
        )
    click.echo(f"ok: {verdict.events} events, head {verdict.head}")


COMMANDS = (user, token, audit_group)
