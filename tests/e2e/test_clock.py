"""The clock of the deployed stack moves, and with it what expires, and what the sweep looks at."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from infra.local import moving_clock
from infra.local.e2e_environment import E2EEnvironment
from infra.operator_cli import OperatorClient
from tests.support import image_samples as images
from tests.support.e2e.actions import create_project, upload_file, wait_for, wait_until_processed
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, request_url, sign_in

pytestmark = pytest.mark.serial  # the clock is that of all tests of the stack


@pytest.fixture(autouse=True)
def _real_clock_afterwards(deployment: E2EEnvironment, client: Client) -> Iterator[None]:
    """Reset the clock, and wait until a token of the present is valid again."""
    yield
    moving_clock.reset(deployment.cloud)
    wait_for(lambda: client.get("/auth/me").status == 200)


def test_token_expires_when_the_clock_moves_and_urls_of_s3_stay_valid(
    deployment: E2EEnvironment, client: Client
) -> None:
    uploaded = upload_file(client, b"still there", filename="notes.txt", contentType="text/plain")
    assert client.get("/auth/me").status == 200
    moving_clock.advance(deployment.cloud, timedelta(minutes=16))
    wait_for(lambda: client.get("/auth/me").status == 401)

    later = sign_in(client.server, client.email)
    location = later.get(f"/files/{uploaded['fileId']}/download").headers["location"]
    assert request_url(location).content == b"still there"


def test_sweep_removes_an_orphan_at_its_second_look_and_nothing_else(
    deployment: E2EEnvironment, client: Client, aws_state: AwsState
) -> None:
    operator = OperatorClient.from_outputs(deployment.cloud.lambda_client(), deployment.outputs)
    project_id, buckets = create_project(client), deployment.outputs
    wait_until_processed(client, upload_file(client, images.make_noise_photo(61), projectId=project_id)["fileId"])
    kept = aws_state.originals(project_id), aws_state.variants(project_id)
    original = f"orphans-{project_id}/files/{'0' * 26}.txt"
    variant = f"private/orphans-{project_id}/images/thumb/{'0' * 26}-0123456789ab.webp"
    aws_state.s3.put_object(Bucket=buckets["OriginalsBucket"], Key=original, Body=b"orphan")
    aws_state.s3.put_object(Bucket=buckets["VariantsBucket"], Key=variant, Body=b"orphan")
    upload_id = aws_state.s3.create_multipart_upload(Bucket=buckets["OriginalsBucket"], Key=original)["UploadId"]
    operator.run_task("sweep", dry_run=False)  # it is too early
    _advance_a_day(deployment)
    operator.run_task("sweep", dry_run=False)
    _advance_a_day(deployment)
    dry_run = operator.run_task("sweep", dry_run=True)
    operator.run_task("sweep", dry_run=False)

    assert {each["subject"] for each in dry_run["examples"] if each["finding"] == "removable"} >= {original, variant}
    assert upload_id
    assert (aws_state.originals(project_id), aws_state.variants(project_id)) == kept
    assert aws_state.multipart_uploads(project_id) == []


def _advance_a_day(deployment: E2EEnvironment) -> None:
    moving_clock.advance(deployment.cloud, timedelta(hours=25))
    time.sleep(2.5)  # for which a function may use what it has read
