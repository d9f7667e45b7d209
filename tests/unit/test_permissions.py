"""Permissions: the table of the contract, written out a second time."""

import pytest

from holdall.roles import permissions

# permission: global roles / project roles / whether the scope of a key may carry it
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


def test_the_code_grants_what_the_contract_says_and_nothing_else() -> None:
    written = {}
    for line in PERMISSION_TABLE.strip().splitlines():
        name, _, rest = line.partition(" ")
        global_roles, project_roles, key = (part.split() for part in rest.split("/"))
        written[name] = (set(global_roles), set(project_roles), key == ["yes"])
    granted = {
        name: (set(each.global_roles), set(each.project_roles), each.is_key_scope)
        for name, each in permissions.PERMISSIONS.items()
    }

    assert granted == written


@pytest.mark.parametrize("role", ["", "root", "Superuser", "owner", "viewer"])
def test_a_name_that_is_no_role_holds_nothing(role: str) -> None:
    assert permissions.get_role_permissions(role) == frozenset()


@pytest.mark.parametrize("role", ["", "admin", "superuser", "Owner"])
def test_a_global_role_holds_nothing_inside_a_project(role: str) -> None:
    assert permissions.get_project_role_permissions(role) == frozenset()


def test_each_role_holds_all_that_the_one_below_it_holds() -> None:
    assert (
        permissions.get_role_permissions("user")
        < permissions.get_role_permissions("admin")
        < permissions.get_role_permissions("superuser")
    )
    inside = [permissions.get_project_role_permissions(role) for role in ("viewer", "editor", "owner")]
    assert inside[0] < inside[1] < inside[2]
