"""People with roles: as a superuser makes them, by the API."""

from dataclasses import dataclass
from itertools import count

from holdall.caller import Caller
from holdall.projects.service import members
from holdall.roles import permissions
from holdall.table import Transaction
from tests.api import people
from tests.api.client import Client

_numbers = count(1)
SUPERUSER = permissions.of_role("superuser")


@dataclass(frozen=True)
class Staff:
    """A superuser, and whom they make."""

    root: Client

    def member(self, *roles: str) -> Client:
        """Somebody who holds these roles."""
        email = people.new_address()
        self.root.post("/users", {"email": email, "password": people.PASSWORD, "roles": list(roles)}).created()
        return people.log_in(email)

    def role(self, *held: str) -> str:
        """A new role that holds these permissions."""
        name = new_role()
        self.root.post("/roles", {"name": name, "permissions": list(held)}).created()
        return name

    def holder(self, *held: str) -> Client:
        """Somebody who holds these permissions and no others."""
        return self.member(self.role(*held))

    def permission(self) -> str:
        """A new permission of the installation's own."""
        name = new_permission()
        self.root.post("/permissions", {"name": name}).created()
        return name


def new_role() -> str:
    """A name that no role has: what roles hold is remembered by the process, which outlives the tables of a test."""
    return f"role-{next(_numbers)}"


def new_permission() -> str:
    """A name that no permission has."""
    return f"reports.kind-{next(_numbers)}"


def as_superuser(client: Client) -> Caller:
    """The same person, with another request that a door let in."""
    session_id = client.refresh_token.split("_")[1]
    return Caller("192.0.2.8", "faster", "request", client.user["id"], session_id, SUPERUSER)


def join(project_id: str, client: Client, role: str) -> None:
    """Make somebody a member."""
    with Transaction() as write:
        members.join(write, project_id, client.user["id"], role)  # type: ignore[arg-type]
