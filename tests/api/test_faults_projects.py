"""Faults of the jobs about whole projects: stopped at any call and told again, they end in the same state."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.api import books, members, people
from tests.api.client import Client
from tests.api.cloud import Cloud, announce, photo
from tests.api.conftest import Clock
from tests.api.faults import Dead, Mode, Scene, settle, survive
from tests.api.test_project_deletion import shelves
from tests.api.test_project_purge import left, stored

TEXT = {"filename": "notes.txt", "contentType": "text/plain"}
_ROUNDS = 6  # of messages: more than a job takes that waits for nothing
VARIANTS = [{"name": "thumb", "width": 5}]
# What nobody answers leaves what was done before: as when the process ended one call earlier.
each_mode = pytest.mark.parametrize("mode", ["silent", "dead"])


def public(cloud: Cloud) -> tuple[Client, dict[str, Any]]:
    """Somebody, and their public project with a photo that was drawn."""
    cloud.forget()
    client = people.signed_in()
    settings = {"visibility": "public", "variants": VARIANTS}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()
    cloud.upload(client, photo(), projectId=project["id"])
    cloud.draw()
    return client, project


def told(cloud: Cloud) -> Callable[[], None]:
    """What maintenance is told, each message in a process of its own. What fails, or wants to wait, is told by the schedule."""

    def deliver() -> None:
        for _ in range(_ROUNDS):
            for message in cloud.waiting("work"):
                with contextlib.suppress(Dead):
                    cloud.deliver("maintenance", message)
        cloud.waiting("work")

    return deliver


def survives(patch: pytest.MonkeyPatch, cloud: Cloud, frozen: Clock, mode: Mode, prepare: Callable[[], Any]) -> None:
    def scene() -> Scene:
        check = prepare()

        def checked(_: Any) -> None:
            settle(cloud, frozen)
            check()

        return Scene(told(cloud), checked)

    survive(patch, mode, scene)


@each_mode
def test_a_project_is_purged_in_the_end(
    frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    def prepare() -> Callable[[], None]:
        client, project = public(cloud)
        members.program(client, project["id"], "files.read")
        members.invite(client, project["id"], people.new_address())
        begun = client.post("/files/init-upload", announce(b"content", projectId=project["id"], **TEXT)).created()
        cloud.put(begun, b"content")
        client.delete(f"/projects/{project['id']}?permanent=true").data()

        def check() -> None:
            assert stored(cloud, project["id"]) == []
            assert left(cloud, project["id"]) == []
            assert books.installation(cloud) == (0, 0)

        return check

    survives(monkeypatch, cloud, frozen, mode, prepare)


@each_mode
def test_a_project_is_private_in_the_end(
    frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    def prepare() -> Callable[[], None]:
        client, project = public(cloud)
        said = {"settings": {"visibility": "private"}}
        client.request("PUT", f"/projects/{project['id']}", said).data()

        def check() -> None:
            assert shelves(cloud, project) == {"private"}
            assert len(cloud.keys("variants", project["id"])) == 1
            books.check(cloud, project["id"])

        return check

    survives(monkeypatch, cloud, frozen, mode, prepare)


@each_mode
def test_variants_are_brought_up_in_the_end(
    frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    def prepare() -> Callable[[], None]:
        client, project = public(cloud)
        said = {"settings": {"variants": [{"name": "wide", "width": 9}]}}
        client.request("PUT", f"/projects/{project['id']}", said).data()
        client.post(f"/projects/{project['id']}/sync-variants").data()

        def check() -> None:
            (key,) = cloud.keys("variants", project["id"])
            assert "/images/wide/" in key
            books.check(cloud, project["id"])

        return check

    survives(monkeypatch, cloud, frozen, mode, prepare)
