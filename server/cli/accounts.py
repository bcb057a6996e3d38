"""Commands about people: users, tokens, the audit chain."""

from __future__ import annotations

import sys

import click

from ...datasets import audit, errors, people, staff
from ...datasets.errors import _
from ...datasets.people import OrganisationKind, Role
from .asking import asks
from .machine import at_the_machine
from .opened import manager, opened
from .printing import say, say_passwords, worded


@click.group()
def user() -> None:
    """用户 · People: add, list, set a password."""


@user.command("add")
@click.argument("username")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--organisation", required=True, help="组织代号 · Slug; made if it is new")
@click.option("--organisation-name", default="", help="组织名称 · Its name, where it is new")
@click.option(
    "--organisation-kind",
    type=click.Choice(["", *(kind.value for kind in OrganisationKind)]),
    default="",
    help="组织类型 · Its kind, where it is new",
)
@click.option("--name", default="", help="姓名 · The person's name")
@asks("people.manage")
def user_add(
    username: str,
    role: str,
    organisation: str,
    organisation_name: str,
    organisation_kind: str,
    name: str,
) -> None:
    """添加用户，打印一次性密码 · Add a person and print their one-time password."""
    with opened() as installation, installation.database.write() as session:
        actor = manager(session)
        home = people.find_organisation(session, organisation)
        if home is None:
            home = staff.add_organisation(
                session, actor, organisation, organisation_name, kind=organisation_kind
            )
        added, password = staff.add(
            session,
            installation.settings,
            actor,
            username,
            role=role,
            organisation=home,
            name=name,
        )
    click.echo(f"{added.username}: 一次性密码 one-time password:", err=True)
    click.echo(password)


@user.command("list")
@asks("people.manage")
def user_list() -> None:
    """列出用户 · List all people."""
    with opened() as installation, installation.database.read() as session:
        manager(session)
        for person in people.users(session):
            inactive = worded(_("inactive"), {})
            state = "" if person.is_active else f"  ({inactive})"
            click.echo(
                f"{person.username}\t{person.role}\t{person.organisation.slug}"
                f"\t{person.name}{state}"
            )


@user.command("password")
@click.argument("username")
@click.option("--stdin", is_flag=True, help="从标准输入读取 · Read it from standard input")
@asks("people.manage")
def user_password(username: str, stdin: bool) -> None:
    """设置密码 · Set a person's password."""
    if stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("密码 password", hide_input=True, confirmation_prompt=True)
    with opened() as installation, installation.database.write() as session:
        actor = manager(session)
        person = people.get_user(session, username)
        people.set_password(session, person, password, people.rules_of(installation.settings))
        audit.record(session, actor, "person.password", f"user/{person.username}")


@user.command("forget-factor")
@click.argument("username")
@asks("people.manage")
def user_forget_factor(username: str) -> None:
    """取消丢失的第二因素 · Take a second factor away that its owner has lost."""
    with opened() as installation, installation.database.write() as session:
        actor = manager(session)
        person = people.get_user(session, username)
        people.remove_factor(session, person)
        people.close_all(session, person)
        audit.record(session, actor, "factor.take_away", f"user/{person.username}")


@click.command()
@click.argument("username")
@click.option("--name", default="cli", help="用途 · What it is for")
@click.option("--days", type=click.IntRange(1, 3650), help="有效天数 · Days until it expires")
@asks("people.manage")
def token(username: str, name: str, days: int | None) -> None:
    """签发 API 令牌，最后一行即令牌 · Make an API token; the last line is the token."""
    with opened() as installation, installation.database.write() as session:
        actor = manager(session)
        person = people.get_user(session, username)
        row, secret = people.add_token(session, person, name, days)
        audit.record(session, actor, "token.create", f"token/{row.id}", user=person.username)
    click.echo(f"{person.username} 的令牌，只显示这一次 · shown this once:", err=True)
    click.echo(secret)


@click.group("audit")
def audit_group() -> None:
    """审计 · The chain of audit events."""


@audit_group.command("verify")
@at_the_machine("it only counts and checks; whoever runs it could read the table")
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
    say(_("ok: %(events)s events, head %(head)s"), events=verdict.events, head=verdict.head)


@click.command()
@click.option("--system", default="system", show_default=True, help="系统管理员 · User name")
@click.option("--security", default="security", show_default=True, help="安全管理员 · User name")
@click.option(
    "--audit", "auditor", default="audit", show_default=True, help="审计管理员 · User name"
)
@at_the_machine("nobody on the network gives these roles, so that none of the three makes another")
def administrators(system: str, security: str, auditor: str) -> None:
    """建立三员：系统、安全、审计管理员 · Make the three administrators who share no right.

    Those who are there stay; each new one's one-time password is printed once.
    """
    names = (system, security, auditor)
    with opened() as installation, installation.database.write() as session:
        made = staff.add_administrators(session, dict(zip(staff.THE_THREE, names, strict=True)))
    say_passwords(made)
    if not made:
        click.echo("三员均已存在 · All three are there", err=True)


COMMANDS = (user, token, audit_group, administrators)
