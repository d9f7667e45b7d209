"""Users with roles, as a superuser creates them through the API."""

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
    """Creates users, roles and permissions as a superuser."""

    superuser: Client

    def create_user(self, *roles: str) -> Client:
        """Create a user with these roles, and sign in."""
        email = users.unique_email()
        self.superuser.post("/users", {"email": email, "password": users.PASSWORD, "roles": list(roles)}).created()
        return users.sign_in(email)

    def create_role(self, *permission_names: str) -> str:
        """Create a role with these permissions, and return its name."""
        name = unique_role_name()
        self.superuser.post("/roles", {"name": name, "permissions": list(permission_names)}).created()
        return name

    def create_user_with_permissions(self, *permission_names: str) -> Client:
        """Create a user with these permissions and no others, and sign in."""
        return self.create_user(self.create_role(*permission_names))

    def create_permission(self) -> str:
        """Create a custom permission, and return its name."""
        name = unique_permission_name()
        self.superuser.post("/permissions", {"name": name}).created()
        return name


def unique_role_name() -> str:
    """Return a name that no role has."""
    return f"role-{next(_numbers)}"


def unique_permission_name() -> str:
    """Return a name that no permission has."""
    return f"reports.kind-{next(_numbers)}"


def make_superuser_caller(client: Client) -> Caller:
    """Return the caller of another request of a superuser, to call services with."""
    session_id = client.refresh_token.split("_")[1]
    return Caller("192.0.2.8", "faster", "request", client.user["id"], session_id, SUPERUSER_PERMISSIONS)


def insert_member(project_id: str, client: Client, role: str) -> None:
    """Add a member without an invitation."""
    with Transaction() as tx:
        members.add(tx, project_id, client.user["id"], role)  # type: ignore[arg-type]
