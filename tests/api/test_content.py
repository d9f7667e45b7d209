"""The content of files and variants: by a permanent URL if it is public, else by a presigned one for five minutes."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.jobs.model import RenderImage
from holdall.platform import clock
from holdall.platform.config import settings
from holdall.variants import service as variants
from holdall.variants.model import RenderFailure
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.image_samples import make_photo


def query_parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture
def private_project_id(client: Client) -> str:
    """Return the ID of a private project with one small variant."""
    settings = {"variants": [{"name": "thumb", "width": 20, "format": "jpeg"}]}
    return str(client.post("/projects", {"name": "Private", "settings": settings}).created()["id"])


def upload_photo(client: Client, fake_aws: FakeAws, project_id: str, **overrides: Any) -> str:
    file_id = fake_aws.upload(client, make_photo(), projectId=project_id, **overrides)["fileId"]
    fake_aws.run_workers()
    return str(file_id)


def add_variant_setting(fake_aws: FakeAws, project_id: str, spec: dict[str, Any]) -> None:
    """Add a variant to the settings of a project."""
    (row,) = fake_aws.find_rows("main", pk=f"PROJECT#{project_id}", sk="PROJECT")
    settings = json.loads(row["settings"])
    settings["variants"].append({**settings["variants"][0], **spec})
    fake_aws.update_row(f"PROJECT#{project_id}", "PROJECT", settings=json.dumps(settings))


def test_original_is_served_by_a_url_for_five_minutes(
    client: Client, fake_aws: FakeAws, private_project_id: str
) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id, filename='b\u00e9b\u00e9 "1".jpg')
    response = client.get(f"/files/{file_id}/content")

    assert (response.status, response.text) == (302, "")
    query = query_parameters(response.headers["location"])
    assert query["X-Amz-Expires"] == "300"
    assert query["response-content-type"] == "image/jpeg"
    assert query["response-content-disposition"] == ("attachment; filename*=UTF-8''b%C3%A9b%C3%A9%20%221%22.jpg")
    (version,) = invariants.stored_versions(fake_aws, private_project_id)
    assert query["versionId"] == version["s3_version_id"]


def test_original_is_always_an_attachment(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    file_id = upload_photo(client, fake_aws, project["id"])

    location = client.get(f"/files/{file_id}/content?disposition=inline").headers["location"]
    assert query_parameters(location)["response-content-disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "application/xhtml+xml",
        "image/svg+xml",
        "application/xml",
        "text/xml",
        "application/pdf",
        "text/javascript",
    ],
)
def test_file_that_may_have_a_script_is_never_inline(
    client: Client, fake_aws: FakeAws, private_project_id: str, content_type: str
) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id, filename="page", contentType=content_type)

    for path in ("content?disposition=inline", "download"):
        response = client.get(f"/files/{file_id}/{path}")
        query = query_parameters(response.headers["location"])
        assert query["response-content-disposition"] == 'attachment; filename="page"'
        assert query["response-content-type"] == content_type
        assert response.headers["x-content-type-options"] == "nosniff"
    assert client.get(f"/files/{file_id}/content?variant=thumb&disposition=inline").status == 404


def test_browser_keeps_the_redirect_to_a_variant_while_its_url_is_valid(
    client: Client, fake_aws: FakeAws, private_project_id: str
) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id)

    variant = client.get(f"/files/{file_id}/content?variant=thumb")
    original = client.get(f"/files/{file_id}/content")

    assert variant.headers["cache-control"] == "private, max-age=240"
    assert original.headers["cache-control"] == "no-store"  # the next version has the same address


def test_private_variant_is_presigned(client: Client, fake_aws: FakeAws, private_project_id: str) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id, filename="holiday.png.jpg")
    response = client.get(f"/files/{file_id}/content?variant=thumb&disposition=inline")

    assert response.status == 302
    url = urlsplit(response.headers["location"])
    assert url.netloc == "variants.s3.eu-central-1.amazonaws.com"
    assert url.path.removeprefix("/") in fake_aws.list_keys("variants", private_project_id)
    assert url.path.startswith("/private/")
    query = query_parameters(response.headers["location"])
    assert query["X-Amz-Expires"] == "300"
    assert query["response-content-disposition"].startswith('inline; filename="holiday.png-thumb.jpg"')
    assert query["response-content-type"] == "image/jpeg"


def test_public_variant_has_a_permanent_url(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    file_id = upload_photo(client, fake_aws, project["id"])
    response = client.get(f"/files/{file_id}/content?variant=thumb")

    assert response.status == 302
    assert response.headers["location"] == client.get(f"/files/{file_id}").data()["variants"][0]["url"]
    assert response.headers["location"].startswith("https://files.example.test/media/")


def test_variant_that_is_not_ready_is_accepted_with_retry_after(
    client: Client, fake_aws: FakeAws, private_project_id: str
) -> None:
    committed = fake_aws.upload(client, make_photo(), projectId=private_project_id)
    response = client.get(f"/files/{committed['fileId']}/content?variant=thumb")

    assert (response.status, response.headers["retry-after"]) == (202, "1")
    assert response.data() == {"status": "processing"}
    fake_aws.run_workers()
    assert client.get(f"/files/{committed['fileId']}/content?variant=thumb").status == 302


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch, frozen_clock: FrozenClock) -> list[float]:
    """Record the pauses of the code, which only advance the clock."""
    recorded: list[float] = []

    def pause(seconds: float) -> None:
        recorded.append(seconds)
        frozen_clock.advance(seconds=seconds)

    monkeypatch.setattr(clock, "sleep", pause)
    return recorded


def test_reader_waits_until_a_variant_is_ready(
    client: Client,
    fake_aws: FakeAws,
    private_project_id: str,
    frozen_clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=private_project_id)["fileId"]
    recorded = []

    def pause(seconds: float) -> None:
        recorded.append(seconds)
        frozen_clock.advance(seconds=seconds)
        if len(recorded) == 3:
            fake_aws.run_workers()

    monkeypatch.setattr(clock, "sleep", pause)
    response = client.get(f"/files/{file_id}/content?variant=thumb&wait=5")

    assert response.status == 302
    assert "/images/thumb/" in response.headers["location"]
    assert recorded == [0.25, 0.5, 1]


def test_reader_waits_for_a_variant_that_only_the_settings_name(
    client: Client, fake_aws: FakeAws, private_project_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id)
    add_variant_setting(fake_aws, private_project_id, {"name": "tiny", "width": 5})
    monkeypatch.setattr(clock, "sleep", lambda _: fake_aws.run_workers())

    assert client.get(f"/files/{file_id}/content?variant=tiny&wait=5").status == 302


def test_wait_ends_after_its_time_with_few_reads(
    client: Client, fake_aws: FakeAws, private_project_id: str, pauses: list[float]
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=private_project_id)["fileId"]
    response = client.get(f"/files/{file_id}/content?variant=thumb&wait=5")

    assert (response.status, response.headers["retry-after"]) == (202, "1")
    assert response.data() == {"status": "processing"}
    assert pauses == [0.25, 0.5, 1, 1, 1, 1, 0.25]


def test_readers_who_wait_are_limited(
    client: Client,
    fake_aws: FakeAws,
    private_project_id: str,
    pauses: list[float],
    override_settings: OverrideSettings,
) -> None:
    override_settings(RATE_LIMITS=json.dumps({**settings().rate_limits, "wait": (1, 10**9)}))
    file_id = fake_aws.upload(client, make_photo(), projectId=private_project_id)["fileId"]
    url = f"/files/{file_id}/content?variant=thumb"
    assert client.get(f"{url}&wait=1").status == 202

    refused = client.get(f"{url}&wait=1")

    assert refused.status == 429
    assert len(pauses) == 3
    assert client.get(url).status == 202  # without waiting


def test_reader_who_waits_learns_that_a_variant_failed(
    client: Client, fake_aws: FakeAws, private_project_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=private_project_id)["fileId"]

    def fail(_: float) -> None:
        (message,) = fake_aws.receive_messages("images")
        render_job = variants.claim(RenderImage.from_json(message).job_id)
        assert render_job is not None
        variants.fail(render_job, RenderFailure("cannot_encode"))

    monkeypatch.setattr(clock, "sleep", fail)
    response = client.get(f"/files/{file_id}/content?variant=thumb&wait=5")

    assert (response.status, response.problem()["code"]) == (409, "variant_failed")
    assert "cannot_encode" in response.problem()["detail"]


def test_reader_of_what_is_there_does_not_wait(
    client: Client, fake_aws: FakeAws, private_project_id: str, pauses: list[float]
) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id)

    for query in ("variant=thumb&wait=10", "wait=10"):
        assert client.get(f"/files/{file_id}/content?{query}").status == 302
    assert client.get(f"/files/{file_id}/content?variant=unknown&wait=10").status == 404
    assert pauses == []


@pytest.mark.parametrize("wait", ["11", "-1", "x", "", "1.5"])
def test_wait_that_is_too_long_or_no_number_is_refused(client: Client, wait: str) -> None:
    response = client.get(f"/files/{users.personal_project_id(client)}-{'0' * 26}/content?variant=thumb&wait={wait}")

    assert (response.status, response.problem()["errors"][0]["pointer"]) == (422, "query/wait")


def test_new_variant_is_rendered_on_request(client: Client, fake_aws: FakeAws, private_project_id: str) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id)
    add_variant_setting(fake_aws, private_project_id, {"name": "tiny", "width": 5})

    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 202
    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 202
    assert len(fake_aws.find_rows("main", record_type="job", status="pending")) == 1
    assert fake_aws.run_workers() == 1
    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 302
    assert client.get(f"/files/{file_id}/content?variant=thumb").status == 302
    assert [variant["status"] for variant in client.get(f"/files/{file_id}").data()["variants"]] == ["ready", "ready"]
    assert len(fake_aws.list_keys("variants", private_project_id)) == 2
    invariants.assert_project_consistent(fake_aws, private_project_id)


def test_new_variant_is_rendered_with_the_variants_of_a_pending_job(
    client: Client, fake_aws: FakeAws, private_project_id: str
) -> None:
    committed = fake_aws.upload(client, make_photo(), projectId=private_project_id)
    add_variant_setting(fake_aws, private_project_id, {"name": "tiny", "width": 5})

    assert client.get(f"/files/{committed['fileId']}/content?variant=tiny").status == 202
    fake_aws.run_workers()
    for name in ("thumb", "tiny"):
        assert client.get(f"/files/{committed['fileId']}/content?variant={name}").status == 302


def test_failed_variant_does_not_affect_its_file(client: Client, fake_aws: FakeAws, private_project_id: str) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id)
    add_variant_setting(fake_aws, private_project_id, {"name": "tiny", "width": 5})
    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 202
    (message,) = fake_aws.receive_messages("images")
    active_render = variants.claim(RenderImage.from_json(message).job_id)
    assert active_render is not None
    variants.fail(active_render, RenderFailure("cannot_encode"))

    assert client.get(f"/files/{file_id}/content?variant=tiny").problem()["code"] == "variant_failed"
    assert client.get(f"/files/{file_id}/content?variant=thumb").status == 302
    file = client.get(f"/files/{file_id}").data()
    assert (file["status"], [variant["status"] for variant in file["variants"]]) == ("ready", ["ready", "failed"])


@pytest.mark.parametrize("name", ["unknown", "", "../x", "THUMB"])
def test_unknown_variant_is_not_found(client: Client, fake_aws: FakeAws, private_project_id: str, name: str) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id)

    assert client.get(f"/files/{file_id}/content?variant={name}").status == 404


def test_file_of_another_kind_has_no_variants(client: Client, fake_aws: FakeAws, private_project_id: str) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id, contentType="text/plain", filename="a.txt")

    assert client.get(f"/files/{file_id}").data()["variants"] == []
    assert client.get(f"/files/{file_id}/content?variant=thumb").status == 404


def test_content_of_a_file_in_the_trash_is_not_served(
    client: Client, fake_aws: FakeAws, private_project_id: str
) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id)
    client.delete(f"/files/{file_id}").data()

    for query in ("", "?variant=thumb"):
        response = client.get(f"/files/{file_id}/content{query}")
        assert (response.status, response.problem()["code"]) == (409, "wrong_state")


def test_content_is_not_found_by_strangers(
    client: Client, stranger: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    file_id = upload_photo(client, fake_aws, project["id"])
    absent = f"{project['id']}-{'0' * 26}"

    for path in ("", "/content", "/content?variant=thumb"):
        foreign = stranger.get(f"/files/{file_id}{path}")
        assert foreign.status == 404
        assert foreign.problem() == stranger.get(f"/files/{absent}{path}").problem()
