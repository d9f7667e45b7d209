"""Callers and what doors hand on with them, for services that are called without a request."""

from holdall.platform.caller import Caller
from holdall.platform.table import BatchGet
from holdall.projects.model import Membership, Project
from holdall.projects.service import members, projects
from tests.support.client import Client


def make_caller(client: Client) -> Caller:
    """The same person, with another request."""
    session_id = client.refresh_token.split("_")[1]
    return Caller("192.0.2.8", "faster", "request", client.user["id"], session_id, frozenset())


def get_project(project_id: str) -> Project:
    with BatchGet() as read:
        found = projects.get_project(read, project_id)
    assert found.value is not None
    return found.value


def get_membership_or_none(project_id: str, user_id: str) -> Membership | None:
    """What somebody is in a project, as a door reads it."""
    with BatchGet() as read:
        found = members.get_membership(read, project_id, user_id)
    return found.value
