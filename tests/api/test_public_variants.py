"""What CloudFront can serve are the variants of live files in public projects, whatever happened, and in whatever order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from holdall.jobs import service as jobs
from holdall.jobs.model import RenderImage
from holdall.platform import aws
from holdall.platform.errors import ServiceUnavailable
from holdall.variants import service as variants
from tests.support import invariants
from tests.support.aws import FakeAws
from tests.support.checkpoints import Checkpoint
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.image_samples import make_photo
from tests.support.variants import ActiveRender, create_public_project, start_render

# refused: the call had no effect. timeout: it took effect, but no response came.
FaultMode = Literal["refused", "timeout"]
PHOTO = make_photo()


@contextmanager
def fail_one_s3_call(number: int, mode: FaultMode) -> Iterator[None]:
    """Make the S3 call of Holdall with this number fail, after all its attempts."""
    calls = 0

    def before_call(**_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls - 1 == number and mode == "refused":
            raise EndpointConnectionError(endpoint_url="https://s3.test")

    def after_call(**_: Any) -> None:
        if calls - 1 == number and mode == "timeout":
            raise ReadTimeoutError(endpoint_url="https://s3.test")

    events = aws.client("s3").meta.events
    events.register("before-call.s3", before_call)
    events.register("after-call.s3", after_call)
    try:
        yield
    finally:
        events.unregister("before-call.s3", before_call)
        events.unregister("after-call.s3", after_call)


@dataclass
class Story:
    """A project, and what its users and workers do. A request that finds S3 down is sent again."""

    client: Client
    fake_aws: FakeAws
    frozen_clock: FrozenClock
    project_id: str
    directory: Path
    file_ids: list[str] = field(default_factory=list)
    claimed: list[ActiveRender] = field(default_factory=list)

    def send(self, request: Callable[[], Response]) -> Response:
        """Send a request. It may be refused, because the file or the project was deleted before."""
        response = request()
        if response.status == 503:
            response = request()
        assert response.status < 300 or response.status in (404, 409), response.text
        return response

    def upload(self) -> None:
        self._upload()

    def add_version(self) -> None:
        if self.file_ids:
            self._upload(fileId=self.file_ids[0])

    def change_variants(self) -> None:
        self._set({"variants": [{"name": "thumb", "width": 5}, {"name": "wide", "width": 9}]})

    def remove_variants(self) -> None:
        self._set({"variants": []})

    def sync(self) -> None:
        self.send(lambda: self.client.post(f"/projects/{self.project_id}/sync-variants"))

    def make_private(self) -> None:
        self._set({"visibility": "private"})

    def make_public(self) -> None:
        self._set({"visibility": "public"})

    def trash(self) -> None:
        if self.file_ids:
            self.send(lambda: self.client.delete(f"/files/{self.file_ids[0]}"))

    def purge(self) -> None:
        if self.file_ids:
            file_id = self.file_ids.pop(0)
            self.send(lambda: self.client.delete(f"/files/{file_id}?permanent=true"))

    def restore(self) -> None:
        if self.file_ids:
            self.send(lambda: self.client.post(f"/files/{self.file_ids[0]}/restore"))

    def restore_version(self) -> None:
        """Restore the first version. It may be deleted, or what the file shows."""
        if self.file_ids:
            self.send(lambda: self.client.post(f"/files/{self.file_ids[0]}/versions/1/restore"))

    def delete_version(self) -> None:
        """Delete the first version. It may be the only one."""
        if self.file_ids:
            self.send(lambda: self.client.delete(f"/files/{self.file_ids[0]}/versions/1"))

    def delete_current_version(self) -> None:
        if self.file_ids:
            number = self.client.get(f"/files/{self.file_ids[0]}").json().get("data", {}).get("version", 1)
            self.send(lambda: self.client.delete(f"/files/{self.file_ids[0]}/versions/{number}"))

    def keep_one_version(self) -> None:
        self._set({"keepVersions": 1})

    def delete_project(self) -> None:
        self.send(lambda: self.client.delete(f"/projects/{self.project_id}"))

    def restore_project(self) -> None:
        self.send(lambda: self.client.post(f"/projects/{self.project_id}/restore"))

    def claim_renders(self) -> None:
        """Let workers claim all images that wait, and render them. They have stored nothing yet."""
        for message in self.fake_aws.receive_messages("images"):
            with suppress(ServiceUnavailable):
                job = variants.claim(RenderImage.from_json(message).job_id)
                if job is not None:
                    with jobs.releasing_on_error(job.job):
                        self.claimed.append(start_render(job, self.directory))

    def finish_renders(self) -> None:
        """Let these workers store and record their variants, and render again where the settings changed."""
        while self.claimed:
            active = self.claimed.pop()
            with suppress(ServiceUnavailable), jobs.releasing_on_error(active.render_job.job):
                rest = active.finish()
                while rest is not None:
                    rest = start_render(rest, self.directory).finish()

    def run_jobs(self) -> None:
        """Run the jobs that wait. Those that fail come back later."""
        for message in self.fake_aws.receive_messages("work"):
            self.fake_aws.deliver_messages("maintenance", message)

    def end(self) -> None:
        """Run everything to its end."""
        self.finish_renders()
        for _ in range(12):
            self.frozen_clock.advance(minutes=16)
            self.fake_aws.run_task("send-pending-jobs")
            for _ in range(30):
                self.run_jobs()
                self.claim_renders()
                self.finish_renders()
            if all(
                job["status"] in ("completed", "failed") for job in self.fake_aws.find_rows("main", record_type="job")
            ):
                return
        pytest.fail("Some jobs are never finished.")

    def _upload(self, **overrides: Any) -> None:
        body = make_upload_request(PHOTO, projectId=self.project_id, **overrides)
        response = self.send(lambda: self.client.post("/files/init-upload", body))
        if response.status != 201:
            return
        upload = response.created()
        self.fake_aws.put_object(upload, PHOTO)
        self.send(lambda: self.client.post("/files/commit", {"uploadId": upload["uploadId"]}))
        if "fileId" not in overrides:
            self.file_ids.append(upload["fileId"])

    def _set(self, changes: dict[str, Any]) -> None:
        self.send(lambda: self.client.request("PATCH", f"/projects/{self.project_id}", {"settings": changes}))


STEPS = {
    step.__name__: step
    for step in (
        Story.upload,
        Story.add_version,
        Story.change_variants,
        Story.remove_variants,
        Story.sync,
        Story.make_private,
        Story.make_public,
        Story.trash,
        Story.purge,
        Story.restore,
        Story.restore_version,
        Story.delete_version,
        Story.delete_current_version,
        Story.keep_one_version,
        Story.delete_project,
        Story.restore_project,
        Story.claim_renders,
        Story.finish_renders,
        Story.run_jobs,
    )
}
_RENDER = ["claim_renders", "finish_renders"]
# Workers do more than users: a story in which nothing is rendered proves nothing.
_WEIGHTED = [*STEPS, *[*_RENDER, "run_jobs"] * 2, *["add_version"] * 3, "restore_version", "upload"]


def assert_public_variants(fake_aws: FakeAws, project_id: str) -> None:
    """Check that `media/` holds the ready variants of live files if the project is public and active, and nothing else."""
    (project,) = fake_aws.find_rows("main", pk=f"PROJECT#{project_id}", sk="PROJECT")
    is_public = project["status"] == "active" and '"public"' in project["settings"]
    files = {row["pk"]: row["state"] for row in fake_aws.find_rows("main", record_type="file")}
    live = {
        variant["key"]
        for version in invariants.stored_versions(fake_aws, project_id)
        for row in fake_aws.find_rows("main", record_type="version", gsi1sk=version["id"])
        for variant in version["variants"]
        if is_public and files[row["pk"]] == "live" and variant["status"] == "ready"
    }
    stored = {key for key in fake_aws.list_keys("variants", project_id) if key.startswith("media/")}
    assert stored == live


def assert_originals(fake_aws: FakeAws, project_id: str) -> None:
    """Check that there are exactly the originals that versions name, and that no deleted version is left."""
    versions = invariants.stored_versions(fake_aws, project_id)
    stored = fake_aws.s3.list_object_versions(Bucket="originals").get("Versions", [])
    named = {(each["key"], each["s3_version_id"]) for each in versions}
    assert {(each["Key"], each["VersionId"]) for each in stored if project_id in each["Key"]} == named
    assert [each for each in versions if each["status"] == "deleted"] == []
    restored = {each["id"] for each in versions if each["restored_from"]}
    rows = fake_aws.find_rows("main", record_type="restored-version")
    assert {each["pk"].removeprefix("VERSION#") for each in rows if project_id in each["pk"]} == restored


@pytest.fixture
def run_story(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, tmp_path: Path) -> Any:
    """Return a function that runs steps in a new public project, with one image, while one call to S3 fails."""
    project_id = create_public_project(client)
    checkpoint = Checkpoint.save()

    def run(steps: list[str], failing_call: int, mode: FaultMode) -> None:
        checkpoint.restore()
        story = Story(client, fake_aws, frozen_clock, project_id, tmp_path)
        with fail_one_s3_call(failing_call, mode):
            story.upload()
            for step in steps:
                STEPS[step](story)
            story.end()
        assert_public_variants(fake_aws, project_id)
        assert_originals(fake_aws, project_id)
        invariants.assert_project_consistent(fake_aws, project_id)

    return run


@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],  # every story restores its world
)
@given(
    st.lists(st.sampled_from(_WEIGHTED), min_size=2, max_size=9),
    st.integers(0, 14),
    st.sampled_from(["refused", "timeout"]),
)
@example(["claim_renders", "purge", "run_jobs", "finish_renders"], 4, "refused")
@example([*_RENDER, "remove_variants", "add_version", *_RENDER, "trash"], 30, "refused")
@example([*_RENDER, "add_version", *_RENDER, "restore_version", "delete_version", "run_jobs", *_RENDER], 30, "refused")
@example(
    [*_RENDER, "add_version", *_RENDER, "restore_version", "claim_renders", "delete_current_version"], 9, "timeout"
)
@example([*_RENDER, "trash", "restore", "run_jobs", "make_private"], 9, "timeout")
@example([*_RENDER, "remove_variants", "add_version", *_RENDER, "make_private", "run_jobs"], 4, "timeout")
def test_what_is_public_is_a_variant_of_a_live_file_in_a_public_project(
    run_story: Any, steps: list[str], failing_call: int, mode: FaultMode
) -> None:
    run_story(steps, failing_call, mode)


@pytest.mark.parametrize("mode", ["refused", "timeout"])
@pytest.mark.parametrize("ending", ["purge", "trash", "make_private", "delete_project"])
def test_removal_during_a_rendering_leaves_nothing_public_whichever_call_fails(
    run_story: Any, fake_aws: FakeAws, ending: str, mode: FaultMode
) -> None:
    for failing_call in range(8):
        run_story(["claim_renders", ending, "run_jobs", "finish_renders"], failing_call, mode)
        assert [key for key in fake_aws.list_keys("variants") if key.startswith("media/")] == []
