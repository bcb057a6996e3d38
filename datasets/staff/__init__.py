"""Manage people and organisations: add, change roles, shut out, form teams; all of it audited.

Nobody changes their own role, nobody gives a role that they may not give or manages somebody
who has one, and an organisation holds only the roles that its kind has.
"""

from __future__ import annotations

from .changing import THE_THREE, add, add_administrators, change_role, check_holds, let_in, shut_out
from .forming import add_team, change_team, move, remove_team
from .homes import add_organisation, change_organisation
from .seeing import PAGE, Wanted, managed, person, select_active, team, visible, visible_teams

__all__ = [
    "PAGE",
    "THE_THREE",
    "Wanted",
    "add",
    "add_administrators",
    "add_organisation",
    "add_team",
    "change_organisation",
    "change_role",
    "change_team",
    "check_holds",
    "let_in",
    "managed",
    "move",
    "person",
    "remove_team",
    "select_active",
    "shut_out",
    "team",
    "visible",
    "visible_teams",
]
