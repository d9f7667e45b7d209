"""The one table of who may do what. Routes name permissions; roles and scopes of keys hold them."""

from dataclasses import dataclass

_USER = frozenset({"user", "admin", "superuser"})
_ADMIN = frozenset({"admin", "superuser"})
_SUPERUSER = frozenset({"superuser"})
_VIEWER = frozenset({"viewer", "editor", "owner"})
_EDITOR = frozenset({"editor", "owner"})
_OWNER = frozenset({"owner"})
_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Permission:
    """Who holds it by role, in the whole installation or inside a project, and whether an API key may carry it."""

    name: str
    global_roles: frozenset[str]
    project_roles: frozenset[str]
    key_scope: bool = False


def _global(names: str, roles: frozenset[str]) -> list[Permission]:
    return [Permission(name, roles, _NOBODY) for name in names.split()]


def _in_project(names: str, roles: frozenset[str], *, key_scope: bool = False) -> list[Permission]:
    return [Permission(name, _NOBODY, roles, key_scope) for name in names.split()]


PERMISSIONS = {
    permission.name: permission
    for permission in [
        *_global("projects.create", _USER),
        *_global("projects.any", _SUPERUSER),
        *_global("users.read users.create users.update users.delete", _ADMIN),
        *_global("roles.read permissions.read audit.read tasks.read jobs.admin", _ADMIN),
        *_global("roles.create roles.update roles.delete permissions.create permissions.delete tasks.run", _SUPERUSER),
        *_in_project("projects.read files.read jobs.read events.read", _VIEWER, key_scope=True),
        *_in_project("files.write files.share jobs.retry variants.sync", _EDITOR, key_scope=True),
        *_in_project("files.purge", _OWNER, key_scope=True),
        *_in_project("projects.update projects.delete members.write keys.write webhooks.write", _OWNER),
        *_in_project("members.read", _VIEWER),
    ]
}


def of_role(role: str) -> frozenset[str]:
    """What a built-in role holds in the whole installation; nothing for a name that is none."""
    return frozenset(name for name, permission in PERMISSIONS.items() if role in permission.global_roles)


def of_project_role(role: str) -> frozenset[str]:
    """What a member with this role holds inside the project."""
    return frozenset(name for name, permission in PERMISSIONS.items() if role in permission.project_roles)
