"""The table of permissions, written a second time from the contract."""

import pytest

from holdall.roles import permissions

# permission: global roles / project roles / whether API keys can have it
PERMISSION_TABLE = """
projects.create      user admin superuser / / no
projects.any         superuser / / no
users.read           admin superuser / / no
users.create         admin superuser / / no
users.update         admin superuser / / no
users.delete         admin superuser / / no
roles.read           admin superuser / / no
permissions.read     admin superuser / / no
audit.read           admin superuser / / no
tasks.read           admin superuser / / no
jobs.admin           admin superuser / / no
roles.create         superuser / / no
roles.update         superuser / / no
roles.delete         superuser / / no
permissions.create   superuser / / no
permissions.delete   superuser / / no
tasks.run            superuser / / no
projects.read        / viewer editor owner / yes
files.read           / viewer editor owner / yes
jobs.read            / viewer editor owner / yes
events.read          / viewer editor owner / yes
files.write          / editor owner / yes
files.share          / editor owner / yes
jobs.retry           / editor owner / yes
variants.sync        / editor owner / yes
files.purge          / owner / yes
projects.update      / owner / no
projects.delete      / owner / no
members.write        / owner / no
keys.write           / owner / no
webhooks.write       / owner / no
members.read         / viewer editor owner / no
"""


def test_code_grants_exactly_what_the_contract_says() -> None:
    expected = {}
    for line in PERMISSION_TABLE.strip().splitlines():
        name, _, rest = line.partition(" ")
        global_roles, project_roles, key_scope = (part.split() for part in rest.split("/"))
        expected[name] = (set(global_roles), set(project_roles), key_scope == ["yes"])
    actual = {
        name: (set(each.global_roles), set(each.project_roles), each.is_key_scope)
        for name, each in permissions.PERMISSIONS.items()
    }

    assert actual == expected


@pytest.mark.parametrize("role", ["", "root", "Superuser", "owner", "viewer"])
def test_unknown_role_has_no_permissions(role: str) -> None:
    assert permissions.get_role_permissions(role) == frozenset()


@pytest.mark.parametrize("role", ["", "admin", "superuser", "Owner"])
def test_global_role_has_no_permissions_in_a_project(role: str) -> None:
    assert permissions.get_project_role_permissions(role) == frozenset()


def test_each_role_has_all_permissions_of_the_next_lower_role() -> None:
    assert (
        permissions.get_role_permissions("user")
        < permissions.get_role_permissions("admin")
        < permissions.get_role_permissions("superuser")
    )
    in_project = [permissions.get_project_role_permissions(role) for role in ("viewer", "editor", "owner")]
    assert in_project[0] < in_project[1] < in_project[2]
