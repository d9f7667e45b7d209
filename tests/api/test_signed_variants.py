"""Presigned URLs of variants in lists: one for all who ask within two minutes, so that browsers cache the images."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.session import Session

from holdall.files import service
from holdall.files.model import Variant
from holdall.platform import aws
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_file, make_version
from tests.support.image_samples import make_photo


def upload_image(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> str:
    file_id = str(fake_aws.upload(client, make_photo(), projectId=project["id"])["fileId"])
    fake_aws.run_workers()
    return file_id


def test_ready_variants_have_a_signed_url_if_asked(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], frozen_clock: FrozenClock
) -> None:
    file_id = upload_image(client, fake_aws, project)
    path = f"/files/{file_id}"
    plain, signed = (client.get(path + query).data()["variants"][0] for query in ("", "?signed=true"))
    (listed,) = client.get(f"/files?projectId={project['id']}&signed=true").data()

    assert (plain["signedUrl"], plain["signedUntil"]) == (None, None)
    assert "X-Amz-Signature=" in signed["signedUrl"]
    assert "response-content-disposition=inline" in signed["signedUrl"]
    assert listed["variants"][0]["signedUrl"] == signed["signedUrl"]
    left = datetime.fromisoformat(signed["signedUntil"]) - frozen_clock.now()
    assert timedelta(minutes=3) <= left <= timedelta(minutes=5)


def test_signed_url_is_the_same_within_two_minutes_and_another_after(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], frozen_clock: FrozenClock
) -> None:
    file_id = upload_image(client, fake_aws, project)
    frozen_clock.advance(seconds=-(frozen_clock.now() - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds() % 120)

    def signed_url() -> str:
        return str(client.get(f"/files/{file_id}?signed=true").data()["variants"][0]["signedUrl"])

    first = signed_url()
    frozen_clock.advance(seconds=119)
    assert signed_url() == first
    frozen_clock.advance(seconds=1)
    assert signed_url() != first


def test_variant_that_is_not_ready_has_no_signed_url(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=project["id"])["fileId"]

    (variant, *_) = client.get(f"/files/{file_id}?signed=true").data()["variants"]
    assert (variant["status"], variant["signedUrl"]) == ("processing", None)


def test_variant_of_a_file_in_the_trash_has_no_signed_url(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    file_id = upload_image(client, fake_aws, project)
    client.delete(f"/files/{file_id}").data()

    (variant,) = client.get(f"/files/{file_id}?signed=true").data()["variants"]
    assert (variant["status"], variant["signedUrl"]) == ("ready", None)


def test_largest_page_fits_into_a_response_of_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    # A hundred images with twenty variants each, the longest names, and a longer token than Lambda has.
    session = Session()
    monkeypatch.setattr(session, "get_credentials", lambda: Credentials("A" * 20, "s" * 40, "t" * 1500))
    monkeypatch.setattr(aws, "session", lambda: session)
    key = f"private/{'slug-' * 8}{'0' * 12}/images/{'n' * 32}/{'0' * 26}-{'0' * 16}.webp"
    variants = tuple(
        Variant(
            name=f"{number:032}",
            key=key,
            status="ready",
            content_type="image/webp",
            width=10_000,
            height=10_000,
            size=10**9,
        )
        for number in range(20)
    )
    file = replace(make_file(replace(make_version(1, "ready"), variants=variants)), name="\U0001f600" * 255)

    text = service.view(file, is_signed=True).model_dump_json(by_alias=True)
    in_response = json.dumps(text, ensure_ascii=False)  # the body is a string in the JSON of the response
    assert 100 * len(in_response.encode()) < 6_000_000
