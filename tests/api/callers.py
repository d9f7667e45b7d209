"""Callers and what doors hand on with them, for services that are called without a request."""

from holdall.caller import Caller
from holdall.projects.model import Membership, Project
from holdall.projects.service import members, projects
from holdall.table import Reading
from tests.api.client import Client


def caller(client: Client) -> Caller:
    """The same person, with another request."""
    session_id = client.refresh_token.split("_")[1]
    return Caller("192.0.2.8", "faster", "request", client.user["id"], session_id, frozenset())


def place(project_id: str) -> Project:
    with Reading() as read:
        found = projects.project(read, project_id)
    assert found.value is not None
    return found.value


def membership(project_id: str, user_id: str) -> Membership | None:
    """What somebody is in a project, as a door reads it."""
    with Reading() as read:
        found = members.member(read, project_id, user_id)
    return found.value
