"""Jobs, and what routes and rows tell about them."""

from typing import Any

from holdall.jobs.model import RenderImage
from holdall.variants import service as variants
from holdall.variants.model import RenderFailure
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.image_samples import make_photo


def create_failed_job(client: Client, fake_aws: FakeAws, project_id: str, reason: str = "corrupt_image") -> str:
    """Upload an image whose rendering fails for a reason, and return the ID of the job."""
    fake_aws.receive_messages("images")
    fake_aws.upload(client, make_photo(), projectId=project_id)
    (message,) = fake_aws.receive_messages("images")
    render_job = variants.claim(RenderImage.from_json(message).job_id)
    assert render_job is not None
    variants.fail(render_job, RenderFailure(reason, "0" * 64, "image/jpeg"))
    return render_job.job.id


def get_job(client: Client, job_id: str) -> dict[str, Any]:
    job: dict[str, Any] = client.get(f"/jobs/{job_id}").data()
    return job


def retry_job(client: Client, job_id: str, **options: Any) -> Response:
    return client.post(f"/jobs/{job_id}/retry", **options)


def list_job_ids(client: Client, project_id: str, query: str = "") -> list[str]:
    return [job["id"] for job in client.get(f"/jobs?projectId={project_id}{query}").data()]
