"""The table of permissions. Routes require permissions, and roles and the scopes of API keys grant them."""

from dataclasses import dataclass

_USER = frozenset({"user", "admin", "superuser"})
_ADMIN = frozenset({"admin", "superuser"})
_SUPERUSER = frozenset({"superuser"})
_VIEWER = frozenset({"viewer", "editor", "owner"})
_EDITOR = frozenset({"editor", "owner"})
_OWNER = frozenset({"owner"})


@dataclass(frozen=True)
class BuiltInPermission:
    """A permission, with the roles that have it, in the whole installation or in a project."""

    name: str
    description: str
    global_roles: frozenset[str] = frozenset()
    project_roles: frozenset[str] = frozenset()
    is_key_scope: bool = False


def _global(name: str, roles: frozenset[str], description: str) -> BuiltInPermission:
    return BuiltInPermission(name, description, global_roles=roles)


def _project(name: str, roles: frozenset[str], description: str) -> BuiltInPermission:
    return BuiltInPermission(name, description, project_roles=roles)


def _key_scope(name: str, roles: frozenset[str], description: str) -> BuiltInPermission:
    return BuiltInPermission(name, description, project_roles=roles, is_key_scope=True)


PERMISSIONS = {
    permission.name: permission
    for permission in [
        _global("projects.create", _USER, "Create projects."),
        _global("projects.any", _SUPERUSER, "Access every project as an owner. Each access is logged."),
        _global("users.read", _ADMIN, "Read users and explain their permissions."),
        _global("users.create", _ADMIN, "Create users."),
        _global("users.update", _ADMIN, "Update users, and grant and revoke their roles."),
        _global("users.delete", _ADMIN, "Delete users."),
        _global("roles.read", _ADMIN, "Read roles."),
        _global("roles.create", _SUPERUSER, "Create roles."),
        _global("roles.update", _SUPERUSER, "Update roles."),
        _global("roles.delete", _SUPERUSER, "Delete roles."),
        _global("permissions.read", _ADMIN, "Read permissions."),
        _global("permissions.create", _SUPERUSER, "Create custom permissions."),
        _global("permissions.delete", _SUPERUSER, "Delete custom permissions."),
        _global("audit.read", _ADMIN, "Read and export the audit log."),
        _global("tasks.read", _ADMIN, "Read maintenance tasks."),
        _global("tasks.run", _SUPERUSER, "Run maintenance tasks."),
        _global("jobs.admin", _ADMIN, "Read the jobs of all own projects."),
        _key_scope("projects.read", _VIEWER, "Read the project."),
        _project("projects.update", _OWNER, "Update the project and its settings."),
        _project("projects.delete", _OWNER, "Delete and restore the project."),
        _key_scope("files.read", _VIEWER, "List and download files."),
        _key_scope("files.write", _EDITOR, "Upload, rename, trash and restore files."),
        _key_scope("files.share", _EDITOR, "Share files with links."),
        _key_scope("files.purge", _OWNER, "Delete files permanently."),
        _key_scope("jobs.read", _VIEWER, "Read jobs."),
        _key_scope("jobs.retry", _EDITOR, "Retry failed jobs."),
        _key_scope("events.read", _VIEWER, "Read the events of the project."),
        _key_scope("variants.sync", _EDITOR, "Render variants again after the settings changed."),
        _project("members.read", _VIEWER, "List members."),
        _project("members.write", _OWNER, "Invite, update and remove members."),
        _project("keys.write", _OWNER, "Create, enable, disable and delete API keys."),
        _project("webhooks.write", _OWNER, "Create, update and delete webhooks."),
    ]
}
_ACCESS_ALL_PROJECTS = "projects.any"
BUILT_IN_ROLES = {
    "superuser": "Has every permission. Only the operator can create superusers.",
    "admin": "Manages users and reads the audit log.",
    "user": "Creates projects.",
}
_RESERVED_PREFIXES = frozenset(name.partition(".")[0] for name in PERMISSIONS)


def get_role_permissions(role: str) -> frozenset[str]:
    """Return the permissions of a built-in role, or none for any other name."""
    return frozenset(name for name, permission in PERMISSIONS.items() if role in permission.global_roles)


def get_project_role_permissions(role: str) -> frozenset[str]:
    """Return the permissions of a role in a project, or none for any other name."""
    return frozenset(name for name, permission in PERMISSIONS.items() if role in permission.project_roles)


def get_key_scopes(role: str) -> frozenset[str]:
    """Return the scopes that an API key can have if its creator has a role in the project."""
    return frozenset(name for name in get_project_role_permissions(role) if is_key_scope(name))


def is_key_scope(name: str) -> bool:
    """Return whether API keys can have a permission."""
    return name in PERMISSIONS and PERMISSIONS[name].is_key_scope


def is_grantable(name: str) -> bool:
    """Return whether custom roles can have a built-in permission."""
    return name != _ACCESS_ALL_PROJECTS and name in PERMISSIONS and bool(PERMISSIONS[name].global_roles)


def can_grant(held: frozenset[str], required: frozenset[str]) -> bool:
    """Return whether a user who holds permissions can grant others.

    A superuser, the only user with `projects.any`, holds custom permissions too, although no table says so.
    """
    return _ACCESS_ALL_PROJECTS in held or required <= held


def is_reserved(name: str) -> bool:
    """Return whether a name is that of a built-in permission, or has the prefix of one."""
    return name.partition(".")[0] in _RESERVED_PREFIXES


def is_builtin(name: str) -> bool:
    """Return whether a permission is built in."""
    return name in PERMISSIONS


def is_project_permission(name: str) -> bool:
    """Return whether roles in projects grant a permission."""
    return name in PERMISSIONS and bool(PERMISSIONS[name].project_roles)
