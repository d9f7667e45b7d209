"""People with roles: as a superuser makes them, by the API."""

from dataclasses import dataclass
from itertools import count

from holdall.platform.caller import Caller
from holdall.platform.table import Transaction
from holdall.projects.service import members
from holdall.roles import permissions
from tests.support import users
from tests.support.client import Client

_numbers = count(1)
SUPERUSER_PERMISSIONS = permissions.get_role_permissions("superuser")


@dataclass(frozen=True)
class AdminFactory:
    """A superuser, and whom they make."""

    superuser: Client

    def create_user(self, *roles: str) -> Client:
        """Somebody who holds these roles."""
        email = users.unique_email()
        self.superuser.post("/users", {"email": email, "password": users.PASSWORD, "roles": list(roles)}).created()
        return users.sign_in(email)

    def create_role(self, *permission_names: str) -> str:
        """A new role that holds these permissions."""
        name = unique_role_name()
        self.superuser.post("/roles", {"name": name, "permissions": list(permission_names)}).created()
        return name

    def create_user_with_permissions(self, *permission_names: str) -> Client:
        """Somebody who holds these permissions and no others."""
        return self.create_user(self.create_role(*permission_names))

    def create_permission(self) -> str:
        """A new permission of the installation's own."""
        name = unique_permission_name()
        self.superuser.post("/permissions", {"name": name}).created()
        return name


def unique_role_name() -> str:
    """A name that no role has: what roles hold is remembered by the process, which outlives the tables of a test."""
    return f"role-{next(_numbers)}"


def unique_permission_name() -> str:
    """A name that no permission has."""
    return f"reports.kind-{next(_numbers)}"


def make_superuser_caller(client: Client) -> Caller:
    """The same person, with another request that a door let in."""
    session_id = client.refresh_token.split("_")[1]
    return Caller("192.0.2.8", "faster", "request", client.user["id"], session_id, SUPERUSER_PERMISSIONS)


def insert_member(project_id: str, client: Client, role: str) -> None:
    """Make somebody a member."""
    with Transaction() as write:
        members.add(write, project_id, client.user["id"], role)  # type: ignore[arg-type]
