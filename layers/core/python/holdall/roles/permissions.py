"""The one table of who may do what. Routes name permissions; roles and scopes of keys hold them."""

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
    """Who holds it by role, in the whole installation or inside a project, and whether an API key may carry it."""

    name: str
    global_roles: frozenset[str]
    project_roles: frozenset[str]
    is_key_scope: bool = False

    @property
    def description(self) -> str:
        """What it allows, in a sentence."""
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

SUPERUSER = "superuser"
_ACCESS_ALL_PROJECTS = "projects.any"
BUILT_IN_ROLES = {
    SUPERUSER: "Has every permission. Only the operator can create superusers.",
    "admin": "Manages users and reads the audit log.",
    "user": "Creates projects.",
}
_RESERVED_PREFIXES = frozenset(name.partition(".")[0] for name in PERMISSIONS)


def get_role_permissions(role: str) -> frozenset[str]:
    """What a built-in role holds in the whole installation; nothing for a name that is none."""
    return frozenset(name for name, permission in PERMISSIONS.items() if role in permission.global_roles)


def get_project_role_permissions(role: str) -> frozenset[str]:
    """What a member with this role holds inside the project."""
    return frozenset(name for name, permission in PERMISSIONS.items() if role in permission.project_roles)


def is_key_scope(name: str) -> bool:
    """Whether an API key may carry it."""
    return name in PERMISSIONS and PERMISSIONS[name].is_key_scope


def is_grantable(name: str) -> bool:
    """Whether a role of the installation's own may hold this permission of Holdall."""
    return name != _ACCESS_ALL_PROJECTS and name in PERMISSIONS and bool(PERMISSIONS[name].global_roles)


def can_grant(held: frozenset[str], required: frozenset[str]) -> bool:
    """Whether somebody who holds the first may hand on the second.

    A superuser, whom alone `projects.any` tells, holds all there is: an installation's own permissions stand in no table.
    """
    return _ACCESS_ALL_PROJECTS in held or required <= held


def is_reserved(name: str) -> bool:
    """Whether a name is Holdall's, or looks as if it were."""
    return name.partition(".")[0] in _RESERVED_PREFIXES


def is_builtin(name: str) -> bool:
    """Whether it is one of Holdall's."""
    return name in PERMISSIONS


def is_project_permission(name: str) -> bool:
    """Whether it is held inside projects."""
    return name in PERMISSIONS and bool(PERMISSIONS[name].project_roles)
