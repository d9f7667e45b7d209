"""Callers, and what guards pass on with them, for services that are called without a request."""

from holdall.platform.caller import Caller
from holdall.platform.table import BatchGet
from holdall.projects.model import Membership, Project
from holdall.projects.service import members, projects
from tests.support.client import Client


def make_caller(client: Client) -> Caller:
    """Return the caller of another request of a client, to call services with."""
    session_id = client.refresh_token.split("_")[1]
    return Caller("192.0.2.8", "faster", "request", client.user["id"], session_id, frozenset())


def get_project(project_id: str) -> Project:
    with BatchGet() as read:
        found = projects.get_project(read, project_id)
    assert found.value is not None
    return found.value


def get_membership_or_none(project_id: str, user_id: str) -> Membership | None:
    """Read a membership as a guard does."""
    with BatchGet() as read:
        found = members.get_membership(read, project_id, user_id)
    return found.value
