"""Quotas are never exceeded when 64 clients race, and everything is released exactly once (U3)."""

import base64
import json
import os
import random
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from holdall.jobs.model import RunJob
from tests.support.e2e.actions import create_project, wait_for
from tests.support.e2e.client import Client, Response, Server, create_client
from tests.support.e2e.load_rounds import CLIENT_COUNT, LoadRound, plan_uploads, race, retry_while_busy
from tests.support.e2e.quota_ledger import (
    INSTALLATION_CACHE_SECONDS,
    ZERO,
    QuotaLedger,
    Usage,
    sample_in_background,
)

pytestmark = pytest.mark.serial

_ROUND_COUNT = int(os.environ.get("HOLDALL_RACE_ROUNDS", "3"))
_MAX_BYTES = 100 * 1024**2  # of one upload, so that a user may have 64 open
_FREE_BYTES = 12 * _MAX_BYTES  # that is left in the installation
_WARM_UP_STEP = 8  # workers that MiniStack can start within the timeout of a request
_TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture(scope="module")
def owner(api_gateway: Server) -> Client:
    """Return a client, and start 64 workers of `upload`, because cold starts would serialize a race.

    They are started in steps, because MiniStack unpacks 70 MB for each. The requests are refused late, so that all
    workers are busy at the same time.
    """
    client = create_client(api_gateway)
    full = create_project(client, quota={"maxFiles": 0})
    for count in range(_WARM_UP_STEP, CLIENT_COUNT + 1, _WARM_UP_STEP):
        body = {"projectId": full, "size": 1, **_TEXT_FILE}
        race(count, lambda _: client.post("/files/init-upload", body).problem(409, "quota_exceeded"))  # noqa: B023
    return client


@pytest.mark.parametrize("number", range(_ROUND_COUNT))
def test_64_clients_never_exceed_a_quota_and_release_everything(
    number: int, owner: Client, quota_ledger: QuotaLedger
) -> None:
    before = quota_ledger.installation_usage()
    round_ = _create_round(number, owner, quota_ledger)
    project_id = round_.project_id

    with sample_in_background(lambda: quota_ledger.recorded_usage(project_id)) as samples:
        round_.start_uploads(plan_uploads(number, project_id, photo_count=3 if number % 10 == 0 else 0))
        assert quota_ledger.recorded_usage(project_id) == quota_ledger.actual_usage(project_id)
        round_.finish_uploads()
        quota_ledger.aws_state.wait_until_queues_empty()
    _assert_counters_match(quota_ledger, project_id, before)
    assert len(samples) > 10
    assert [usage for usage in samples if not usage.fits_in(round_.limit) or not ZERO.fits_in(usage)] == []

    if number % 10 == 2:
        with sample_in_background(quota_ledger.installation_usage) as samples:
            round_.purge_project()
            quota_ledger.aws_state.wait_until_queues_empty()
        assert [usage for usage in samples if not before.fits_in(usage)] == []
    else:
        with sample_in_background(lambda: quota_ledger.recorded_usage(project_id)) as samples:
            round_.release_all()
            quota_ledger.aws_state.wait_until_queues_empty()
        _assert_counters_match(quota_ledger, project_id, before)
        assert [usage for usage in samples if not ZERO.fits_in(usage)] == []
        assert quota_ledger.recorded_usage(project_id) == ZERO
    assert quota_ledger.actual_usage(project_id) == ZERO
    assert quota_ledger.recorded_usage_by_kind(project_id) == {}
    assert quota_ledger.aws_state.originals(project_id) == []
    assert quota_ledger.installation_usage() == before


def test_64_uploads_without_a_size_share_what_a_quota_leaves(
    owner: Client, api_gateway: Server, quota_ledger: QuotaLedger
) -> None:
    limit = Usage(2 * _MAX_BYTES + _MAX_BYTES // 2, CLIENT_COUNT)
    project_id = create_project(owner, quota={"maxBytes": limit.bytes})
    endpoint = urlsplit(owner.post("/uploads/companion-token", {"projectId": project_id}).data()["endpoint"]).path
    before = quota_ledger.installation_usage()

    def start(_: int) -> Response:
        return retry_while_busy(lambda: api_gateway.request("GET", f"{endpoint}/s3/params?filename=notes.txt"))

    with sample_in_background(lambda: quota_ledger.recorded_usage(project_id)) as samples:
        responses = race(CLIENT_COUNT, start)
    forms = [response.json() for response in responses if response.status == 200]

    for response in responses:
        if response.status != 200:
            response.problem(409, "quota_exceeded")
    assert sorted(_largest_size(form) for form in forms) == [_MAX_BYTES // 2, _MAX_BYTES, _MAX_BYTES]
    assert quota_ledger.recorded_usage(project_id) == quota_ledger.actual_usage(project_id) == Usage(limit.bytes, 3)
    assert [usage for usage in samples if not usage.fits_in(limit)] == []

    contents = [b"a", b"be", b"sea"]
    for form, content in zip(forms, contents, strict=True):
        assert requests.post(form["url"], data=form["fields"], files={"file": content}, timeout=10).status_code == 201
    wait_for(lambda: len(owner.get(f"/files?projectId={project_id}").data()) == len(forms))
    quota_ledger.aws_state.wait_until_queues_empty()

    assert quota_ledger.recorded_usage(project_id) == Usage(6, 3)
    _assert_counters_match(quota_ledger, project_id, before)


def _largest_size(form: dict[str, Any]) -> int:
    conditions = json.loads(base64.b64decode(form["fields"]["policy"]))["conditions"]
    [(_, _, largest)] = [condition for condition in conditions if isinstance(condition, list)]
    return int(largest)


def test_installation_at_its_limit_refuses_all_uploads_after_ten_seconds(
    owner: Client, quota_ledger: QuotaLedger
) -> None:
    room = quota_ledger.installation_limit().bytes - quota_ledger.installation_usage().bytes
    projects = [create_project(owner) for _ in range(4)]
    chance = random.Random(64)  # noqa: S311  # not a secret
    sizes = [chance.randint(1, _MAX_BYTES) for _ in range(CLIENT_COUNT)]
    with quota_ledger.reserving_in_installation(room - _FREE_BYTES):
        before = quota_ledger.installation_usage()
        time.sleep(INSTALLATION_CACHE_SECONDS)

        responses = race(CLIENT_COUNT, lambda number: _init_upload(owner, projects[number % 4], sizes[number]))
        reserved = sum(size for response, size in zip(responses, sizes, strict=True) if response.status == 201)
        for response in responses:
            if response.status != 201:
                response.problem(409, "installation_full")
        assert reserved + _MAX_BYTES > _FREE_BYTES, "An upload was refused although there was room."
        counted = sum((quota_ledger.recorded_usage(each) for each in projects), ZERO)
        assert quota_ledger.installation_usage() - before == counted

        time.sleep(INSTALLATION_CACHE_SECONDS)
        for response in race(CLIENT_COUNT, lambda number: _init_upload(owner, projects[number % 4], _MAX_BYTES)):
            response.problem(409, "installation_full")
        assert quota_ledger.installation_usage() - before == counted

        with sample_in_background(quota_ledger.installation_usage) as samples:
            _purge_projects(owner, quota_ledger, projects)
        assert all(before.fits_in(usage) for usage in samples)
        assert quota_ledger.installation_usage() == before
    time.sleep(INSTALLATION_CACHE_SECONDS)  # before that, other tests would be refused


def _init_upload(owner: Client, project_id: str, size: int) -> Response:
    return retry_while_busy(
        lambda: owner.post("/files/init-upload", {"projectId": project_id, "size": size, **_TEXT_FILE})
    )


def _purge_projects(owner: Client, quota_ledger: QuotaLedger, projects: list[str]) -> None:
    """Purge projects, each with two requests at once and two more messages, while uploads are initiated in them."""

    def step(number: int) -> None:
        project_id = projects[number % len(projects)]
        if number >= 2 * len(projects):
            assert _init_upload(owner, project_id, 1).status in (201, 404, 409)
            return
        response = retry_while_busy(lambda: owner.delete(f"/projects/{project_id}?permanent=true"))
        assert response.status in (202, 404, 409), response.content
        if response.status == 202:
            for _ in range(2):
                quota_ledger.send_work_message(RunJob(response.data()["jobId"]))

    race(8 * len(projects), step)
    wait_for(lambda: not any(quota_ledger.aws_state.rows(f"PROJECT#{each}") for each in projects), 90)
    quota_ledger.aws_state.wait_until_queues_empty()
    assert [quota_ledger.actual_usage(each) for each in projects] == [ZERO] * len(projects)


def _create_round(number: int, owner: Client, quota_ledger: QuotaLedger) -> LoadRound:
    """Create a round with a limit of bytes, of files, or of both, in turn."""
    chance = random.Random(number)  # noqa: S311  # not a secret
    bytes_, files = chance.randint(9_000, 25_000), chance.randint(7, 18)
    limit = [Usage(bytes_, CLIENT_COUNT), Usage(10**9, files), Usage(bytes_, files)][number % 3]
    project_id = create_project(owner, quota={"maxBytes": limit.bytes, "maxFiles": limit.files})
    return LoadRound(owner, quota_ledger, project_id, limit, quota_ledger.send_work_message)


def _assert_counters_match(quota_ledger: QuotaLedger, project_id: str, before: Usage) -> None:
    """Check that all counters of the project are right, and that the installation's grew by the same."""
    usage = quota_ledger.recorded_usage(project_id)
    assert usage == quota_ledger.actual_usage(project_id)
    assert quota_ledger.recorded_usage_by_kind(project_id) == quota_ledger.actual_usage_by_kind(project_id)
    assert quota_ledger.installation_usage() - before == usage
