"""Variants of a project, and workers that render them step by step."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from holdall.files.model import unprefixed_key
from holdall.jobs.model import RenderImage
from holdall.platform import storage
from holdall.variants import service as variants
from holdall.variants.model import RenderedVariant, RenderJob, RenderResult
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client, Response


@dataclass(frozen=True)
class ActiveRender:
    """A job that a worker has claimed, and the result that it will record. Later changes do not affect it."""

    render_job: RenderJob
    result: RenderResult
    sha256: str

    @property
    def file_id(self) -> str:
        return self.render_job.file.id

    def finish(self) -> RenderJob | None:
        """Store and record the variants, as imageproc does."""
        return variants.finish(self.render_job, self.result, self.sha256)

    def store_under_media(self) -> None:
        """Store the variants without recording them, like a worker that crashes in between."""
        for spec, variant in zip(self.render_job.specs, self.result.variants, strict=True):
            key = f"media/{unprefixed_key(self.render_job.project, self.render_job.version.id, spec)}"
            storage.put_variant(key, variant.path, content_type=f"image/{spec.format}")


def claim_render(fake_aws: FakeAws, directory: Path) -> ActiveRender:
    """Claim the only pending job."""
    (message,) = fake_aws.receive_messages("images")
    job = variants.claim(RenderImage.from_json(message).job_id)
    assert job is not None
    return start_render(job, directory)


def start_render(job: RenderJob, directory: Path) -> ActiveRender:
    """Render a claimed job. All variants have the same few bytes."""
    path = directory / "variant"
    path.write_bytes(b"variant")
    sha256 = variants.download_source(job, directory / "source")
    return ActiveRender(
        job,
        RenderResult("image/jpeg", 60, 40, [RenderedVariant(spec.name, path, 5, 5, 7) for spec in job.specs]),
        sha256,
    )


def finish_render(fake_aws: FakeAws, active_render: ActiveRender, directory: Path) -> None:
    """Complete a job, render again if the settings have changed, and run all other workers."""
    rest = active_render.finish()
    while rest is not None:
        rest = start_render(rest, directory).finish()
    run_until_drained(fake_aws)


def run_until_drained(fake_aws: FakeAws) -> None:
    """Run maintenance and imageproc until there are no messages."""
    for _ in range(20):
        messages = fake_aws.receive_messages("work")
        for message in messages:
            assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
        fake_aws.render_images()
        if not messages:
            return
    pytest.fail("The queues are never empty.")


def get_file(client: Client, file_id: str) -> dict[str, Any]:
    file: dict[str, Any] = client.get(f"/files/{file_id}").data()
    return file


def variant_statuses(client: Client, file_id: str) -> dict[str, str]:
    """Return the status of each variant by name."""
    return {variant["name"]: variant["status"] for variant in get_file(client, file_id)["variants"]}


def variant_prefixes(fake_aws: FakeAws, project_id: str) -> list[str]:
    """Return the prefix of each stored variant."""
    return [key.partition("/")[0] for key in fake_aws.list_keys("variants", project_id)]


def set_variants(client: Client, project: dict[str, Any], specs: list[dict[str, Any]]) -> None:
    client.request("PUT", f"/projects/{project['id']}", {"settings": {"variants": specs}}).data()


def sync_variants(client: Client, project: dict[str, Any], query: str = "", **options: Any) -> Response:
    return client.post(f"/projects/{project['id']}/sync-variants{query}", **options)


def create_public_project(client: Client) -> str:
    """Create a public project with one small variant, and return its ID."""
    settings = {"visibility": "public", "variants": [{"name": "thumb", "width": 5}]}
    return str(client.post("/projects", {"name": "x", "settings": settings}).created()["id"])
