"""Say who is asking, and what they may do with a dataset."""

from __future__ import annotations

import flask

from ...datasets import opening, permissions
from ...datasets.people import User
from ..auth import PUBLIC, allows, installation
from ..visitors import visitor
from .protocol import NOBODY, HubError, answer, find_dataset, gated_repo, may_publish, routes


@routes.get("/api/whoami-v2")
@allows(PUBLIC)
def show_user() -> flask.Response:
    """Say whose token was sent, and what it is good for."""
    user = visitor()
    if user is None:
        raise HubError(401, None, NOBODY)
    organisation = {"name": user.organisation.slug, "fullname": user.organisation.name}
    writes = permissions.allows(user, "dataset.publish")
    return answer(
        {
            "type": "user",
            "id": str(user.id),
            "name": user.username,
            "fullname": user.name,
            "isPro": False,
            "orgs": [{"type": "org", **organisation, "roleInOrg": role_of(user)}],
            "auth": {
                "type": "access_token",
                "accessToken": {"displayName": "api", "role": "write" if writes else "read"},
            },
        }
    )


def role_of(user: User) -> str:
    """Return somebody's role in their organisation, in the Hub's words."""
    if permissions.is_everywhere(user):
        return "admin"
    return "write" if permissions.allows(user, "dataset.publish") else "read"


@routes.get("/api/datasets/<owner>/<name>/auth-check")
@allows(PUBLIC)
def check_access(owner: str, name: str) -> flask.Response:
    """Say that the files of the dataset may be read."""
    with installation().database.read() as session:
        dataset = find_dataset(session, f"{owner}/{name}")
        if not opening.may_download(session, visitor(), dataset):
            raise gated_repo(dataset)
    return answer({})


@routes.get("/api/datasets/<owner>/<name>/auth-check/write")
@allows(PUBLIC)
def check_change(owner: str, name: str) -> flask.Response:
    """Say that the dataset may be changed."""
    user = visitor()
    with installation().database.read() as session:
        dataset = find_dataset(session, f"{owner}/{name}")
        if user is None:
            raise HubError(401, None, NOBODY)
        if not may_publish(user, dataset):
            raise HubError(403, None, "You do not have the right to change this dataset")
    return answer({})
