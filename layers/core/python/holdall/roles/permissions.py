"""The table of permissions. Routes require permissions, and roles and the scopes of API keys grant them."""

from dataclasses import dataclass

_USER = frozenset({"user", "admin", "superuser"})
_ADMIN = frozenset({"admin", "superuser"})
_SUPERUSER = frozenset({"superuser"})
_VIEWER = frozenset({"viewer", "editor", "owner"})
_EDITOR = frozenset({"editor", "owner"})
_OWNER = frozenset({"owner"})
_NO_ROLES: frozenset[str] = frozenset()


@dataclass(frozen=True)
class BuiltInPermission:
    """A permission, with the roles that have it, in the whole installation or in a project."""

    name: str
    global_roles: frozenset[str]
    project_roles: frozenset[str]
    is_key_scope: bool = False

    @property
    def description(self) -> str:
        return _DESCRIPTIONS[self.name]


def _global_permissions(names: str, roles: frozenset[str]) -> list[BuiltInPermission]:
    return [BuiltInPermission(name, roles, _NO_ROLES) for name in names.split()]


def _project_permissions(names: str, roles: frozenset[str], *, is_key_scope: bool = False) -> list[BuiltInPermission]:
    return [BuiltInPermission(name, _NO_ROLES, roles, is_key_scope) for name in names.split()]


_DESCRIPTIONS = {
    "projects.create": "Create projects.",
    "projects.any": "Access every project as an owner. Each access is logged.",
    "users.read": "Read users and explain their permissions.",
    "users.create": "Create users.",
    "users.update": "Update users, and grant and revoke their roles.",
    "users.delete": "Delete users.",
    "roles.read": "Read roles.",
    "roles.create": "Create roles.",
    "roles.update": "Update roles.",
    "roles.delete": "Delete roles.",
    "permissions.read": "Read permissions.",
    "permissions.create": "Create custom permissions.",
    "permissions.delete": "Delete custom permissions.",
    "audit.read": "Read and export the audit log.",
    "tasks.read": "Read maintenance tasks.",
    "tasks.run": "Run maintenance tasks.",
    "jobs.admin": "Read the jobs of all own projects.",
    "projects.read": "Read the project.",
    "projects.update": "Update the project and its settings.",
    "projects.delete": "Delete and restore the project.",
    "files.read": "List and download files.",
    "files.write": "Upload, rename, trash and restore files.",
    "files.share": "Share files with links.",
    "files.purge": "Delete files permanently.",
    "jobs.read": "Read jobs.",
    "jobs.retry": "Retry failed jobs.",
    "events.read": "Read the events of the project.",
    "variants.sync": "Render variants again after the settings changed.",
    "members.read": "List members.",
    "members.write": "Invite, update and remove members.",
    "keys.write": "Create, enable, disable and delete API keys.",
    "webhooks.write": "Create, update and delete webhooks.",
}
PERMISSIONS = {
    permission.name: permission
    for permission in [
        *_global_permissions("projects.create", _USER),
        *_global_permissions("projects.any", _SUPERUSER),
        *_global_permissions("users.read users.create users.update users.delete", _ADMIN),
        *_global_permissions("roles.read permissions.read audit.read tasks.read jobs.admin", _ADMIN),
        *_global_permissions(
            "roles.create roles.update roles.delete permissions.create permissions.delete tasks.run", _SUPERUSER
        ),
        *_project_permissions("projects.read files.read jobs.read events.read", _VIEWER, is_key_scope=True),
        *_project_permissions("files.write files.share jobs.retry variants.sync", _EDITOR, is_key_scope=True),
        *_project_permissions("files.purge", _OWNER, is_key_scope=True),
        *_project_permissions("projects.update projects.delete members.write keys.write webhooks.write", _OWNER),
        *_project_permissions("members.read", _VIEWER),
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
