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

    @property
    def description(self) -> str:
        """What it allows, in a sentence."""
        return _WORDS[self.name]


def _global(names: str, roles: frozenset[str]) -> list[Permission]:
    return [Permission(name, roles, _NOBODY) for name in names.split()]


def _in_project(names: str, roles: frozenset[str], *, key_scope: bool = False) -> list[Permission]:
    return [Permission(name, _NOBODY, roles, key_scope) for name in names.split()]


_WORDS = {
    "projects.create": "Make projects.",
    "projects.any": "Enter any project as an owner; each visit is audited.",
    "users.read": "See users, and why they may do what they may.",
    "users.create": "Make users.",
    "users.update": "Change users, give them roles and take those away.",
    "users.delete": "Delete users.",
    "roles.read": "See roles.",
    "roles.create": "Make roles.",
    "roles.update": "Change roles.",
    "roles.delete": "Delete roles.",
    "permissions.read": "See permissions.",
    "permissions.create": "Make permissions of the installation's own.",
    "permissions.delete": "Delete permissions of the installation's own.",
    "audit.read": "See and take away what was done.",
    "tasks.read": "See the work of the night.",
    "tasks.run": "Run the work of the night at once.",
    "jobs.admin": "See the jobs of all projects that one may see.",
    "projects.read": "See the project.",
    "projects.update": "Change the project and its settings.",
    "projects.delete": "Delete and restore the project.",
    "files.read": "See and download files.",
    "files.write": "Upload, rename, trash and restore files.",
    "files.share": "Share files by links.",
    "files.purge": "Remove files for good.",
    "jobs.read": "See jobs.",
    "jobs.retry": "Try a failed job again.",
    "events.read": "See what happens in the project.",
    "variants.sync": "Draw variants anew after a change of the settings.",
    "members.read": "See the members.",
    "members.write": "Invite, change and remove members.",
    "keys.write": "Make, switch and remove API keys.",
    "webhooks.write": "Make, change and remove webhooks.",
}
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

SUPERUSER = "superuser"
_HIGHEST = "projects.any"
BUILT_IN = {
    SUPERUSER: "Holds every permission there is; made by the operator alone.",
    "admin": "Looks after users and reads the audit.",
    "user": "Makes projects.",
}
_PREFIXES = frozenset(name.partition(".")[0] for name in PERMISSIONS)


def of_role(role: str) -> frozenset[str]:
    """What a built-in role holds in the whole installation; nothing for a name that is none."""
    return frozenset(name for name, permission in PERMISSIONS.items() if role in permission.global_roles)


def of_project_role(role: str) -> frozenset[str]:
    """What a member with this role holds inside the project."""
    return frozenset(name for name, permission in PERMISSIONS.items() if role in permission.project_roles)


def is_scope(name: str) -> bool:
    """Whether an API key may carry it."""
    return name in PERMISSIONS and PERMISSIONS[name].key_scope


def may_be_given(name: str) -> bool:
    """Whether a role of the installation's own may hold this permission of Holdall."""
    return name != _HIGHEST and name in PERMISSIONS and bool(PERMISSIONS[name].global_roles)


def covers(held: frozenset[str], wanted: frozenset[str]) -> bool:
    """Whether somebody who holds the first may hand on the second.

    A superuser, whom alone `projects.any` tells, holds all there is: an installation's own permissions stand in no table.
    """
    return _HIGHEST in held or wanted <= held


def is_taken(name: str) -> bool:
    """Whether a name is Holdall's, or looks as if it were."""
    return name.partition(".")[0] in _PREFIXES


def is_ours(name: str) -> bool:
    """Whether it is one of Holdall's."""
    return name in PERMISSIONS


def is_of_projects(name: str) -> bool:
    """Whether it is held inside projects."""
    return name in PERMISSIONS and bool(PERMISSIONS[name].project_roles)
