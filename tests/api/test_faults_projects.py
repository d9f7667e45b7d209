"""Jobs on projects that fail at any call to AWS end in the same state when they are run again."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import invariants, projects, users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.faults import FaultMode, assert_job_survives_faults
from tests.support.image_samples import make_photo
from tests.support.uploads import TEXT_FILE
from tests.support.variants import variant_prefixes

VARIANTS = [{"name": "thumb", "width": 5}]
# A call that is refused has the same effect as a process that ended one call earlier.
each_fault_mode = pytest.mark.parametrize("mode", ["timeout", "crash"])


def create_rendered_project(fake_aws: FakeAws) -> tuple[Client, dict[str, Any]]:
    """Return a client and their public project, with a rendered photo."""
    client = users.create_client()
    settings = {"visibility": "public", "variants": VARIANTS}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()
    fake_aws.upload(client, make_photo(), projectId=project["id"])
    fake_aws.render_images()
    return client, project


@each_fault_mode
def test_project_is_purged_despite_faults(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> Callable[[], None]:
        client, project = create_rendered_project(fake_aws)
        projects.create_api_key_client(client, project["id"], "files.read")
        projects.create_invitation(client, project["id"], users.unique_email())
        upload = client.post(
            "/files/init-upload", make_upload_request(b"content", projectId=project["id"], **TEXT_FILE)
        ).created()
        fake_aws.put_object(upload, b"content")
        client.delete(f"/projects/{project['id']}?permanent=true").data()

        def check() -> None:
            assert invariants.stored_object_keys(fake_aws, project["id"]) == []
            assert invariants.remaining_rows(fake_aws, project["id"]) == []
            assert invariants.installation_usage(fake_aws) == (0, 0)

        return check

    assert_job_survives_faults(monkeypatch, fake_aws, frozen_clock, mode, prepare)


@each_fault_mode
def test_project_becomes_private_despite_faults(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> Callable[[], None]:
        client, project = create_rendered_project(fake_aws)
        body = {"settings": {"visibility": "private"}}
        client.request("PUT", f"/projects/{project['id']}", body).data()

        def check() -> None:
            assert set(variant_prefixes(fake_aws, project["id"])) == {"private"}
            assert len(fake_aws.list_keys("variants", project["id"])) == 1
            invariants.assert_project_consistent(fake_aws, project["id"])

        return check

    assert_job_survives_faults(monkeypatch, fake_aws, frozen_clock, mode, prepare)


@each_fault_mode
def test_variants_are_synced_despite_faults(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> Callable[[], None]:
        client, project = create_rendered_project(fake_aws)
        body = {"settings": {"variants": [{"name": "wide", "width": 9}]}}
        client.request("PUT", f"/projects/{project['id']}", body).data()
        client.post(f"/projects/{project['id']}/sync-variants").data()

        def check() -> None:
            (key,) = fake_aws.list_keys("variants", project["id"])
            assert "/images/wide/" in key
            invariants.assert_project_consistent(fake_aws, project["id"])

        return check

    assert_job_survives_faults(monkeypatch, fake_aws, frozen_clock, mode, prepare)
