"""The round trips of every route to each service of AWS, counted and compared with their budgets.

Section 4 of the design explains the numbers: one round trip for the caller, one for an object by its ID, one for a page and
another where records are fetched behind an index, one for a transaction. The numbers here include the update of the rate
limiter, on routes that create or start a job and on public routes of `auth`. A number that fell is changed here as well.

Every route is called here, so its audit entry and the shape of its response are checked as well.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from holdall.projects.store.projects import ProjectRecord
from tests.architecture.round_trips import BudgetCase, SendRequest, authenticated_get, authenticated_post
from tests.architecture.round_trips_auth import AUTH_CASES
from tests.architecture.round_trips_companion import COMPANION_CASES
from tests.architecture.round_trips_direct import DIRECT_CASES
from tests.architecture.round_trips_files import FILE_CASES
from tests.architecture.round_trips_iam import IAM_CASES
from tests.architecture.round_trips_jobs import JOB_CASES
from tests.architecture.round_trips_lists import LIST_CASES
from tests.architecture.round_trips_members import MEMBER_CASES
from tests.architecture.round_trips_projects import PROJECT_CASES
from tests.architecture.round_trips_shares import SHARE_CASES, SHARE_LIST_CASES
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.factories import make_upload_request
from tests.support.image_samples import make_photo
from tests.support.openapi import OPERATIONS, response_schema, schema_mismatches
from tests.support.scenario import Scenario
from tests.support.world import World

_COMMIT_ROUTES = (
    "POST /api/v1/files/commit",
    "POST /api/v1/uploads/{uploadId}/complete",
    "POST /api/v1/u/{token}/s3/multipart/{uploadId}/complete",
)
_TEXT_FILE = {"filename": "letter.txt", "contentType": "text/plain"}


def _file_request(
    create: Callable[[Scenario], str], path: str = "", *, method: str = "GET"
) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        file_id = create(scenario)
        return lambda: scenario.client.request(method, f"/files/{file_id}{path}")

    return prepare


def _commit_new_version_body(scenario: Scenario) -> dict[str, Any]:
    return {"uploadId": scenario.upload(b"Dear readers", **_TEXT_FILE, fileId=scenario.create_document())["uploadId"]}


def _already_committed_body(scenario: Scenario) -> dict[str, Any]:
    body = {"uploadId": scenario.upload()["uploadId"]}
    scenario.client.post("/files/commit", body).data()
    return body


def _commit_without_sha256_body(scenario: Scenario) -> dict[str, Any]:
    return {"uploadId": scenario.upload(b"Dear reader", **_TEXT_FILE, sha256=None)["uploadId"]}


def _second_init_upload_body(scenario: Scenario) -> dict[str, Any]:
    """Return the second upload of an installation, because the first one creates the counters."""
    scenario.upload()
    return make_upload_request(make_photo(), projectId=scenario.project_id)


_MULTIPART = {"filename": "film.mp4", "contentType": "video/mp4", "multipart": True}


def _init_multipart_body(scenario: Scenario) -> dict[str, Any]:
    """Return a multipart upload that is not the first upload of an installation."""
    return {**_second_init_upload_body(scenario), **_MULTIPART}


def _multipart_request(method: str, path: str, body: dict[str, Any] | None = None) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        request = make_upload_request(b"Lights", projectId=scenario.project_id, **_MULTIPART)
        upload_id = scenario.client.post("/files/init-upload", request).created()["uploadId"]
        (part,) = scenario.client.post(f"/uploads/{upload_id}/parts", {"partNumbers": [1]}).data()
        scenario.fake_aws.put_part(part, b"Lights")
        return lambda: scenario.client.request(method, f"/uploads/{upload_id}/{path}", body)

    return prepare


def _abort_request(scenario: Scenario) -> SendRequest:
    upload_id = scenario.upload()["uploadId"]
    return lambda: scenario.client.delete(f"/uploads/{upload_id}")


def _create_image_with_missing_variant(scenario: Scenario) -> str:
    """Return the ID of an image without a variant that the settings of its project name."""
    file_id = scenario.create_rendered_image()
    record = ProjectRecord.get(f"PROJECT#{scenario.project_id}", "PROJECT")
    settings = json.loads(record.settings)
    settings["variants"].append({**settings["variants"][0], "name": "wide", "width": 30})
    record.update([ProjectRecord.settings.set(json.dumps(settings))])
    return file_id


CASES = (
    # The keys are read each time, because a verifier must see a new key. CloudFront caches the response.
    BudgetCase("GET /api/v1/.well-known/jwks.json", 200, authenticated_get("/.well-known/jwks.json"), dynamodb=1),
    *AUTH_CASES,
    *COMPANION_CASES,
    *SHARE_CASES,
    *SHARE_LIST_CASES,
    *IAM_CASES,
    *LIST_CASES,
    *MEMBER_CASES,
    *PROJECT_CASES,
    *DIRECT_CASES,
    *FILE_CASES,
    BudgetCase(
        "POST /api/v1/projects", 201, authenticated_post("/projects", lambda _: {"name": "Another"}), dynamodb=3
    ),
    BudgetCase("GET /api/v1/projects", 200, authenticated_get("/projects"), dynamodb=3),
    # The guard reads the project, because the project decides who may access it.
    BudgetCase("GET /api/v1/projects/{projectId}", 200, authenticated_get("/projects/{project}"), dynamodb=1),
    BudgetCase(
        "GET /api/v1/projects/{projectId}/usage", 200, authenticated_get("/projects/{project}/usage"), dynamodb=2
    ),
    BudgetCase(
        "POST /api/v1/files/init-upload",
        201,
        authenticated_post("/files/init-upload", _second_init_upload_body),
        dynamodb=4,
    ),
    BudgetCase(
        "POST /api/v1/files/init-upload",
        201,
        authenticated_post(
            "/files/init-upload",
            lambda scenario: make_upload_request(b"Dear readers", **_TEXT_FILE, fileId=scenario.create_document()),
        ),
        dynamodb=4,
        label="of a new version",
    ),
    BudgetCase(
        "POST /api/v1/files/init-upload",
        201,
        authenticated_post("/files/init-upload", _init_multipart_body),
        dynamodb=4,
        s3=1,
        label="of a multipart upload",
    ),
    BudgetCase(
        "POST /api/v1/uploads/{uploadId}/parts",
        200,
        _multipart_request("POST", "parts", {"partNumbers": [1]}),
        dynamodb=2,
    ),
    BudgetCase("GET /api/v1/uploads/{uploadId}/parts", 200, _multipart_request("GET", "parts"), dynamodb=2, s3=1),
    # S3 lists the parts, assembles the object, and tells its version. A worker hashes it.
    BudgetCase(
        "POST /api/v1/uploads/{uploadId}/complete",
        200,
        _multipart_request("POST", "complete", {}),
        dynamodb=3,
        s3=3,
        sqs=1,
    ),
    BudgetCase(
        "POST /api/v1/files/commit",
        200,
        authenticated_post("/files/commit", lambda scenario: {"uploadId": scenario.upload()["uploadId"]}),
        dynamodb=3,
        s3=1,
        sqs=1,
        label="of an image",
    ),
    BudgetCase(
        "POST /api/v1/files/commit",
        200,
        authenticated_post(
            "/files/commit", lambda scenario: {"uploadId": scenario.upload(b"Dear reader", **_TEXT_FILE)["uploadId"]}
        ),
        dynamodb=3,
        s3=1,
        label="of a file",
    ),
    BudgetCase(
        "POST /api/v1/files/commit",
        200,
        authenticated_post("/files/commit", _commit_without_sha256_body),
        dynamodb=3,
        s3=1,
        sqs=1,
        label="of a file without its SHA-256",
    ),
    BudgetCase(
        "POST /api/v1/files/commit",
        200,
        authenticated_post("/files/commit", _commit_new_version_body),
        dynamodb=4,
        s3=1,
        label="of a new version",
    ),
    BudgetCase(
        "POST /api/v1/files/commit",
        200,
        authenticated_post("/files/commit", _already_committed_body),
        dynamodb=3,
        label="replayed",
    ),
    BudgetCase("GET /api/v1/uploads", 200, authenticated_get("/uploads?projectId={project}"), dynamodb=2),
    BudgetCase("DELETE /api/v1/uploads/{uploadId}", 204, _abort_request, dynamodb=3, sqs=1),
    BudgetCase("GET /api/v1/files", 200, authenticated_get("/files?projectId={project}"), dynamodb=2),
    BudgetCase(
        "GET /api/v1/files",
        200,
        authenticated_get("/files?projectId={project}&kind=image"),
        dynamodb=2,
        label="filtered by kind",
    ),
    BudgetCase(
        "GET /api/v1/files",
        200,
        authenticated_get("/files?projectId={project}&prefix=ph"),
        dynamodb=2,
        label="filtered by prefix",
    ),
    BudgetCase("GET /api/v1/files/{fileId}", 200, _file_request(Scenario.create_image), dynamodb=2),
    BudgetCase(
        "GET /api/v1/files/{fileId}/content", 302, _file_request(Scenario.create_document, "/content"), dynamodb=2
    ),
    BudgetCase(
        "GET /api/v1/files/{fileId}/content",
        302,
        _file_request(Scenario.create_rendered_image, "/content?variant=thumb"),
        dynamodb=2,
        label="of a variant",
    ),
    BudgetCase(
        "GET /api/v1/files/{fileId}/content",
        202,
        _file_request(_create_image_with_missing_variant, "/content?variant=wide"),
        dynamodb=4,
        sqs=1,
        label="of a missing variant",
    ),
    BudgetCase(
        "DELETE /api/v1/files/{fileId}", 200, _file_request(Scenario.create_document, method="DELETE"), dynamodb=4
    ),
    BudgetCase(
        "DELETE /api/v1/files/{fileId}",
        200,
        _file_request(Scenario.create_rendered_image, method="DELETE"),
        dynamodb=4,
        sqs=1,
        label="with variants to move",
    ),
    BudgetCase(
        "DELETE /api/v1/files/{fileId}",
        202,
        _file_request(Scenario.create_image, "?permanent=true", method="DELETE"),
        dynamodb=4,
        sqs=1,
        label="permanently",
    ),
    *JOB_CASES,
    BudgetCase("GET /api/v1/config", 200, authenticated_get("/config")),
    BudgetCase("GET /api/v1/health", 200, authenticated_get("/health")),
    # SES is asked as well, but moto does not know that request, so the response is given before the request is counted.
    BudgetCase("GET /api/v1/health/ready", 200, authenticated_get("/health/ready"), dynamodb=1, s3=1),
    BudgetCase("GET /api/v1/openapi.json", 200, authenticated_get("/openapi.json")),
    BudgetCase("GET /api/v1/docs", 200, authenticated_get("/docs")),
    BudgetCase("GET /api/v1/docs/{asset}", 200, authenticated_get("/docs/start.js")),
)


# Requests that change nothing that a user had.
_NOT_AUDITED = {
    "POST /api/v1/auth/sign-up with email verification",  # the account is created when the address is verified
    "POST /api/v1/auth/verify-email/resend",
    "POST /api/v1/auth/forgot-password with an unknown address",
    "POST /api/v1/auth/refresh",  # the session continues
    "POST /api/v1/auth/2fa/setup",  # a TOTP secret has no effect before it is enabled
    "POST /api/v1/uploads/{uploadId}/parts",  # a URL has no effect before the upload is completed
    "POST /api/v1/s/{token}/download",  # the uses of a share are a list of their own
    "POST /api/v1/s/{token}/download with a password",
    "POST /api/v1/authz/explain",
    "POST /api/v1/authz/explain about another user",
    "PATCH /api/v1/projects/{projectId}/members/{userId} without a change",
    "POST /api/v1/projects/{projectId}/sync-variants as a dry run",
    "POST /api/v1/files/commit replayed",
    "POST /api/v1/u/{token}/s3/multipart/{uploadId}/complete replayed",
}
# These need a provider. tests/api/test_oauth_links.py proves them.
_NEVER_SUCCEEDS = {"POST /api/v1/auth/identities/{provider}/link", "DELETE /api/v1/auth/identities/{provider}"}


def _is_successful_write(case: BudgetCase) -> bool:
    return not case.route.startswith("GET") and case.status < 300


@dataclass(frozen=True)
class MeasuredRequest:
    """A request that was sent, its response, and the calls that it made."""

    case: BudgetCase
    response: Response
    aws_calls: Mapping[str, int]
    transactions: Sequence[set[str]]  # by the tables that each wrote to
    has_started_job: bool
    was_counted: bool  # by the rate limiter


@pytest.fixture(scope="module", params=CASES, ids=str)
def measured(
    request: pytest.FixtureRequest,
    worker_world: World,
    fake_aws: FakeAws,
    aws_calls: Counter[str],
    transactions: list[set[str]],
) -> MeasuredRequest:
    """Send each request once."""
    case: BudgetCase = request.param
    worker_world.reset()
    send = case.prepare(worker_world.step("scenario", lambda: Scenario.create(fake_aws)))
    aws_calls.clear()
    transactions.clear()
    jobs, hits = _job_updates(fake_aws), _rate_limit_hits(fake_aws)
    response = send()
    calls = dict(aws_calls)
    has_started_job, was_counted = _job_updates(fake_aws) != jobs, _rate_limit_hits(fake_aws) != hits
    return MeasuredRequest(case, response, calls, tuple(transactions), has_started_job, was_counted)


def _job_updates(fake_aws: FakeAws) -> dict[str, str]:
    return {row["id"]: row["updated_at"] for row in fake_aws.find_rows("main", record_type="job")}


def _rate_limit_hits(fake_aws: FakeAws) -> int:
    return sum(int(row["hits"]) for row in fake_aws.find_rows("ephemeral", record_type="rate-limit"))


def test_request_makes_as_many_calls_as_budgeted(measured: MeasuredRequest) -> None:
    case, response = measured.case, measured.response

    assert (response.status, measured.aws_calls) == (case.status, case.budget), response.text
    assert case not in LIST_CASES or len(response.data()) == 100


def test_change_writes_its_audit_entry_in_the_same_transaction(measured: MeasuredRequest) -> None:
    audited = [tables for tables in measured.transactions if "audit" in tables]

    if str(measured.case) in _NOT_AUDITED:
        assert audited == []
    elif _is_successful_write(measured.case):
        assert audited
        assert {"audit"} not in audited, "The change is in another transaction."


def test_request_that_starts_a_job_is_counted_by_the_rate_limiter(measured: MeasuredRequest) -> None:
    """A commit starts one for each upload, and the upload was counted."""
    is_limited = measured.was_counted or measured.case.route in _COMMIT_ROUTES

    assert is_limited or not measured.has_started_job


def test_response_has_the_documented_fields_and_no_others(measured: MeasuredRequest) -> None:
    if measured.response.status >= 300:
        return
    schema = response_schema(measured.case.route, measured.response.status)

    assert schema is None or schema_mismatches(measured.response.json(), schema) == []


def test_every_route_has_a_budget() -> None:
    assert {case.route for case in CASES} == set(OPERATIONS)


def test_every_change_succeeds_once() -> None:
    changes = {route for route in OPERATIONS if not route.startswith("GET")}

    assert changes - {case.route for case in CASES if _is_successful_write(case)} == _NEVER_SUCCEEDS
    assert {str(case) for case in CASES} >= _NOT_AUDITED


def test_hidden_file_costs_one_round_trip(scenario: Scenario, aws_calls: Counter[str]) -> None:
    stranger = Client(scenario.client.access_token)
    aws_calls.clear()

    assert stranger.get("/files/000000000000-00000000000000000000000000").status == 404
    assert dict(aws_calls) == {"dynamodb": 1}


def test_invalid_token_costs_no_round_trip(aws_calls: Counter[str]) -> None:
    aws_calls.clear()

    assert Client("a.b.c").get("/projects").status == 401
    assert dict(aws_calls) == {}
