"""Rules of roles: which permissions they can have, who can grant them, and how built-in and custom roles share a list."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.platform.pagination import Page, PageRequest
from holdall.roles import permissions, service
from holdall.roles.model import Role

ROLE_NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=4).map(lambda tail: f"s{tail}")
PERMISSION_SETS = st.frozensets(st.sampled_from(sorted(permissions.PERMISSIONS)))


def make_role(name: str) -> Role:
    return Role(name=name, description="", permissions=[], built_in=False)


def store_page(names: list[str], page: PageRequest) -> Page[Any]:
    """Return the page that a store with these names returns."""
    in_range = [name for name in sorted(names) if service._is_in_page(name, page)]
    names = in_range[-page.limit :] if page.backward else in_range[: page.limit]
    more = "more" if len(in_range) > page.limit else None
    return Page(
        [make_role(name) for name in names], next=None if page.backward else more, prev=more if page.backward else None
    )


@given(
    custom=st.sets(ROLE_NAMES, max_size=12).map(sorted),
    built_in=st.sets(ROLE_NAMES, max_size=6),
    limit=st.integers(1, 5),
    position=st.none() | ROLE_NAMES,
    backward=st.booleans(),
)
def test_page_with_built_in_and_custom_roles_equals_page_of_one_list(
    custom: list[str], built_in: set[str], limit: int, position: str | None, *, backward: bool
) -> None:
    custom = [name for name in custom if name not in built_in]
    request = PageRequest(limit, position, backward and position is not None)
    page = service._insert([make_role(name) for name in built_in], store_page(custom, request), request)
    expected = store_page([*custom, *built_in], request)

    assert [each.name for each in page.items] == [each.name for each in expected.items]
    more = expected.prev if request.backward else expected.next
    assert (page.prev if request.backward else page.next) == (
        None if more is None else page.items[0 if request.backward else -1].name
    )


@given(PERMISSION_SETS, PERMISSION_SETS)
def test_only_superusers_grant_permissions_that_they_lack(held: frozenset[str], required: frozenset[str]) -> None:
    held -= {"projects.any"}

    assert permissions.can_grant(held, required) == (required <= held)
    assert permissions.can_grant(held | permissions.get_role_permissions("superuser"), required | {"reports.read"})
    assert not permissions.can_grant(held, required | {"reports.read"})


def test_custom_roles_can_have_global_permissions_except_projects_any() -> None:
    grantable = {name for name in permissions.PERMISSIONS if permissions.is_grantable(name)}

    assert grantable == permissions.get_role_permissions("superuser") - {"projects.any"}
    assert not permissions.is_grantable("reports.read")


def test_only_superusers_can_access_every_project() -> None:
    # `can_grant` recognizes a superuser by it, so no other role can ever have it.
    assert permissions.PERMISSIONS["projects.any"].global_roles == {"superuser"}


@pytest.mark.parametrize(("name", "reserved"), [("files.x", True), ("users.read", True), ("filesystem.read", False)])
def test_prefix_of_a_built_in_permission_is_reserved(name: str, *, reserved: bool) -> None:
    assert permissions.is_reserved(name) == reserved


def test_built_in_roles_are_not_read_from_the_table() -> None:
    # Sockets are off, so a read would fail.
    assert service.get_permissions(["user", "admin", "superuser"], 7) == permissions.get_role_permissions("superuser")
