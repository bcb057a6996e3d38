"""Say who somebody is: organisations, users, passwords, tokens, sessions."""

from __future__ import annotations

from .names import clean_line
from .organisations import (
    Organisation,
    add_organisation,
    find_organisation,
    get_organisation,
    organisation_by_id,
    organisations,
)
from .passwords import MINIMUM_PASSWORD, check_password
from .sessions import (
    WebSession,
    close_session,
    open_session,
    prove,
    set_password,
    sign_in,
    user_of_session,
)
from .tokens import Token, add_token, revoke_token, tokens, user_of_token
from .users import Role, User, add_user, by_ids, find_user, get_user, password_matches, users

__all__ = [
    "MINIMUM_PASSWORD",
    "Organisation",
    "Role",
    "Token",
    "User",
    "WebSession",
    "add_organisation",
    "add_token",
    "add_user",
    "by_ids",
    "check_password",
    "clean_line",
    "close_session",
    "find_organisation",
    "find_user",
    "get_organisation",
    "get_user",
    "open_session",
    "organisation_by_id",
    "organisations",
    "password_matches",
    "revoke_token",
    "prove",
    "set_password",
    "sign_in",
    "tokens",
    "user_of_session",
    "user_of_token",
    "users",
]
