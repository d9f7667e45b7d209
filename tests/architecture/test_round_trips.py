"""What a request costs: the round trips to each service of AWS, counted for every route of the document. And as every route is
called here: that what is done stands in the journal, and that an answer holds what the document says.

The numbers are those of section 4 of the design: the caller is one round trip, an object by its id one, a page one and one
more where rows are fetched behind an index, a transaction one, and so is the update of the limiter, on the routes that create
and on those of `auth` that anybody may call. A number that falls is written down as one that rises is.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from holdall.projects.store.projects import ProjectRecord
from tests.architecture.budgets_of_auth import AUTH_CASES
from tests.architecture.budgets_of_iam import IAM_CASES
from tests.architecture.budgets_of_lists import LIST_CASES
from tests.architecture.budgets_of_members import MEMBER_CASES
from tests.architecture.budgets_of_projects import PROJECT_CASES
from tests.architecture.round_trips import BudgetCase, SendRequest, authenticated_get, authenticated_post
from tests.support.aws import FakeAws, make_photo, make_upload_request
from tests.support.client import Client, Response
from tests.support.openapi import OPERATIONS, response_schema, undocumented_fields
from tests.support.scenario import Scenario
from tests.support.world import World

_TEXT_FILE = {"filename": "letter.txt", "contentType": "text/plain"}


def _file_request(
    create: Callable[[Scenario], str], path: str = "", *, method: str = "GET"
) -> Callable[[Scenario], SendRequest]:
    def prepared(scenario: Scenario) -> SendRequest:
        file_id = create(scenario)
        return lambda: scenario.client.request(method, f"/files/{file_id}{path}")

    return prepared


def _commit_new_version_body(scenario: Scenario) -> dict[str, Any]:
    return {"uploadId": scenario.upload(b"Dear readers", **_TEXT_FILE, fileId=scenario.create_document())["uploadId"]}


def _already_committed_body(scenario: Scenario) -> dict[str, Any]:
    said = {"uploadId": scenario.upload()["uploadId"]}
    scenario.client.post("/files/commit", said).data()
    return said


def _commit_without_sha256_body(scenario: Scenario) -> dict[str, Any]:
    return {"uploadId": scenario.upload(b"Dear reader", **_TEXT_FILE, sha256=None)["uploadId"]}


def _second_init_upload_body(scenario: Scenario) -> dict[str, Any]:
    """Not the first upload of an installation: that one finds no counters of it, and makes them."""
    scenario.upload()
    return make_upload_request(make_photo(), projectId=scenario.project_id)


def _create_image_with_missing_variant(scenario: Scenario) -> str:
    """An image of a project whose settings name a variant that it does not have: as after a change of the settings."""
    file_id = scenario.create_rendered_image()
    record = ProjectRecord.get(f"PROJECT#{scenario.project_id}", "PROJECT")
    settings = json.loads(record.settings)
    settings["variants"].append({**settings["variants"][0], "name": "wide", "width": 30})
    record.update([ProjectRecord.settings.set(json.dumps(settings))])
    return file_id


CASES = (
    # Read from the table each time: verifiers have to see a new key, and caches in front spare most of the reads.
    BudgetCase("GET /api/v1/.well-known/jwks.json", 200, authenticated_get("/.well-known/jwks.json"), dynamodb=1),
    *AUTH_CASES,
    *IAM_CASES,
    *LIST_CASES,
    *MEMBER_CASES,
    *PROJECT_CASES,
    BudgetCase(
        "POST /api/v1/projects", 201, authenticated_post("/projects", lambda _: {"name": "Another"}), dynamodb=3
    ),
    BudgetCase("GET /api/v1/projects", 200, authenticated_get("/projects"), dynamodb=3),
    # The door read it: who may come in is decided by the project itself.
    BudgetCase("GET /api/v1/projects/{projectId}", 200, authenticated_get("/projects/{project}"), dynamodb=1),
    BudgetCase(
        "GET /api/v1/projects/{projectId}/usage", 200, authenticated_get("/projects/{project}/usage"), dynamodb=2
    ),
    BudgetCase(
        "POST /api/v1/files/init-upload",
        201,
        authenticated_post("/files/init-upload", _second_init_upload_body),
        dynamodb=3,
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
        dynamodb=3,
        sqs=1,
        label="of a missing variant",
    ),
    BudgetCase(
        "DELETE /api/v1/files/{fileId}", 200, _file_request(Scenario.create_document, method="DELETE"), dynamodb=3
    ),
    BudgetCase(
        "DELETE /api/v1/files/{fileId}",
        200,
        _file_request(Scenario.create_rendered_image, method="DELETE"),
        dynamodb=3,
        sqs=1,
        label="with variants to move",
    ),
    BudgetCase(
        "DELETE /api/v1/files/{fileId}",
        202,
        _file_request(Scenario.create_image, "?permanent=true", method="DELETE"),
        dynamodb=3,
        sqs=1,
        label="permanently",
    ),
    BudgetCase("GET /api/v1/health", 200, authenticated_get("/health")),
    # SES is asked as well, whether it is in its sandbox; moto cannot say, so that answer is made before it is counted.
    BudgetCase("GET /api/v1/health/ready", 200, authenticated_get("/health/ready"), dynamodb=1, s3=1),
    BudgetCase("GET /api/v1/openapi.json", 200, authenticated_get("/openapi.json")),
    BudgetCase("GET /api/v1/docs", 200, authenticated_get("/docs")),
    BudgetCase("GET /api/v1/docs/{asset}", 200, authenticated_get("/docs/start.js")),
)


# What changes nothing that anybody had, and so has no row in the journal.
_NOT_AUDITED = {
    "POST /api/v1/auth/sign-up with email verification",  # there is no account before the proof
    "POST /api/v1/auth/verify-email/resend",
    "POST /api/v1/auth/forgot-password of an unknown address",
    "POST /api/v1/auth/refresh",  # the session goes on; its beginning and its end are deeds
    "POST /api/v1/auth/2fa/setup",  # a seed counts for nothing before it is enabled
    "POST /api/v1/authz/explain",
    "POST /api/v1/authz/explain about another user",
    "PATCH /api/v1/projects/{projectId}/members/{userId} without a change",
    "POST /api/v1/projects/{projectId}/sync-variants as a dry run",
    "POST /api/v1/files/commit replayed",
}
# They want a provider, and are done where there is one.
_NEVER_SUCCEEDS = {"POST /api/v1/auth/identities/{provider}/link", "DELETE /api/v1/auth/identities/{provider}"}


def _is_successful_write(case: BudgetCase) -> bool:
    return not case.route.startswith("GET") and case.status < 300


@dataclass(frozen=True)
class MeasuredRequest:
    """A request that was made: what came back, and what was seen of it."""

    case: BudgetCase
    response: Response
    aws_calls: Mapping[str, int]
    transactions: Sequence[set[str]]  # by the tables that each wrote to


@pytest.fixture(scope="module", params=CASES, ids=str)
def measured(
    request: pytest.FixtureRequest,
    worker_world: World,
    fake_aws: FakeAws,
    aws_calls: Counter[str],
    transactions: list[set[str]],
) -> MeasuredRequest:
    """Each request, made once."""
    case: BudgetCase = request.param
    worker_world.reset()
    ask = case.prepare(worker_world.step("scenario", lambda: Scenario.create(fake_aws)))
    aws_calls.clear()
    transactions.clear()
    answer = ask()
    return MeasuredRequest(case, answer, dict(aws_calls), tuple(transactions))


def test_a_request_costs_what_was_planned(measured: MeasuredRequest) -> None:
    case, answer = measured.case, measured.response

    assert (answer.status, measured.aws_calls) == (case.status, case.budget), answer.text
    assert case not in LIST_CASES or len(answer.data()) == 100


def test_a_deed_writes_its_audit_row_in_its_own_transaction(measured: MeasuredRequest) -> None:
    rows = [tables for tables in measured.transactions if "audit" in tables]

    if str(measured.case) in _NOT_AUDITED:
        assert rows == []
    elif _is_successful_write(measured.case):
        assert rows
        assert {"audit"} not in rows, "what was done is in another transaction"


def test_an_answer_holds_what_the_document_says_and_nothing_else(measured: MeasuredRequest) -> None:
    if measured.response.status >= 300:
        return
    shape = response_schema(measured.case.route, measured.response.status)

    assert shape is None or undocumented_fields(measured.response.json(), shape) == []


def test_every_route_has_its_number() -> None:
    assert {case.route for case in CASES} == set(OPERATIONS)


def test_every_deed_is_done() -> None:
    deeds = {route for route in OPERATIONS if not route.startswith("GET")}

    assert deeds - {case.route for case in CASES if _is_successful_write(case)} == _NEVER_SUCCEEDS
    assert {str(case) for case in CASES} >= _NOT_AUDITED


def test_a_stranger_costs_one_round_trip(scenario: Scenario, aws_calls: Counter[str]) -> None:
    stranger = Client(scenario.client.access_token)
    aws_calls.clear()

    assert stranger.get("/files/000000000000-00000000000000000000000000").status == 404
    assert dict(aws_calls) == {"dynamodb": 1}


def test_a_bad_token_costs_nothing(aws_calls: Counter[str]) -> None:
    aws_calls.clear()

    assert Client("a.b.c").get("/projects").status == 401
    assert dict(aws_calls) == {}
