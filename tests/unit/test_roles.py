"""Rules of roles: what one may hold, who may hand it on, and where our names lie between those of an installation."""

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
    """What a store answers that holds these."""
    here = [name for name in sorted(names) if service._is_in_page(name, page)]
    shown = here[-page.limit :] if page.backward else here[: page.limit]
    more = "more" if len(here) > page.limit else None
    return Page(
        [make_role(name) for name in shown], next=None if page.backward else more, prev=more if page.backward else None
    )


@given(
    theirs=st.sets(ROLE_NAMES, max_size=12).map(sorted),
    ours=st.sets(ROLE_NAMES, max_size=6),
    limit=st.integers(1, 5),
    position=st.none() | ROLE_NAMES,
    backward=st.booleans(),
)
def test_a_page_of_both_is_the_page_of_one_list(
    theirs: list[str], ours: set[str], limit: int, position: str | None, *, backward: bool
) -> None:
    theirs = [name for name in theirs if name not in ours]
    asked = PageRequest(limit, position, backward and position is not None)
    page = service._merge_builtin({name: make_role(name) for name in ours}, store_page(theirs, asked), asked)
    whole = store_page([*theirs, *ours], asked)

    assert [each.name for each in page.items] == [each.name for each in whole.items]
    more = whole.prev if asked.backward else whole.next
    assert (page.prev if asked.backward else page.next) == (
        None if more is None else page.items[0 if asked.backward else -1].name
    )


@given(PERMISSION_SETS, PERMISSION_SETS)
def test_nobody_but_a_superuser_hands_on_what_they_lack(held: frozenset[str], wanted: frozenset[str]) -> None:
    held -= {"projects.any"}

    assert permissions.can_grant(held, wanted) == (wanted <= held)
    assert permissions.can_grant(held | permissions.get_role_permissions("superuser"), wanted | {"reports.read"})
    assert not permissions.can_grant(held, wanted | {"reports.read"})


def test_a_role_may_hold_what_counts_everywhere_and_not_what_makes_a_superuser() -> None:
    may = {name for name in permissions.PERMISSIONS if permissions.is_grantable(name)}

    assert may == permissions.get_role_permissions("superuser") - {"projects.any"}
    assert not permissions.is_grantable("reports.read")


def test_superusers_alone_enter_any_project() -> None:
    # What tells a superuser from others: no second role may ever hold it.
    assert permissions.PERMISSIONS["projects.any"].global_roles == {"superuser"}


@pytest.mark.parametrize(("name", "taken"), [("files.x", True), ("users.read", True), ("filesystem.read", False)])
def test_what_begins_as_ours_is_ours(name: str, *, taken: bool) -> None:
    assert permissions.is_reserved(name) == taken


def test_built_in_roles_need_no_store() -> None:
    # Sockets are off: whoever looked into a table here would be found out.
    assert service.get_permissions(["user", "admin", "superuser"], 7) == permissions.get_role_permissions("superuser")
