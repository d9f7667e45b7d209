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
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud, announce, photo
from tests.house.answers import OPERATIONS, shape_of, strays
from tests.house.budget import Case, Request, get, post
from tests.house.budgets_of_auth import CASES_OF_AUTH
from tests.house.budgets_of_iam import CASES_OF_IAM
from tests.house.budgets_of_lists import CASES_OF_LISTS
from tests.house.budgets_of_members import CASES_OF_MEMBERS
from tests.house.budgets_of_projects import CASES_OF_PROJECTS
from tests.house.scene import Scene

_TEXT = {"filename": "letter.txt", "contentType": "text/plain"}


def _file(of: Callable[[Scene], str], path: str = "", *, method: str = "GET") -> Callable[[Scene], Request]:
    def prepared(scene: Scene) -> Request:
        file_id = of(scene)
        return lambda: scene.client.request(method, f"/files/{file_id}{path}")

    return prepared


def _new_version(scene: Scene) -> dict[str, Any]:
    return {"uploadId": scene.begun(b"Dear readers", **_TEXT, fileId=scene.document())["uploadId"]}


def _committed(scene: Scene) -> dict[str, Any]:
    said = {"uploadId": scene.begun()["uploadId"]}
    scene.client.post("/files/commit", said).data()
    return said


def _without_sha256(scene: Scene) -> dict[str, Any]:
    return {"uploadId": scene.begun(b"Dear reader", **_TEXT, sha256=None)["uploadId"]}


def _after_another(scene: Scene) -> dict[str, Any]:
    """Not the first upload of an installation: that one finds no counters of it, and makes them."""
    scene.begun()
    return announce(photo(), projectId=scene.project_id)


def _with_another_variant(scene: Scene) -> str:
    """An image of a project whose settings name a variant that it does not have: as after a change of the settings."""
    file_id = scene.drawn()
    record = ProjectRecord.get(f"PROJECT#{scene.project_id}", "PROJECT")
    settings = json.loads(record.settings)
    settings["variants"].append({**settings["variants"][0], "name": "wide", "width": 30})
    record.update([ProjectRecord.settings.set(json.dumps(settings))])
    return file_id


CASES = (
    # Read from the table each time: verifiers have to see a new key, and caches in front spare most of the reads.
    Case("GET /api/v1/.well-known/jwks.json", 200, get("/.well-known/jwks.json"), dynamodb=1),
    *CASES_OF_AUTH,
    *CASES_OF_IAM,
    *CASES_OF_LISTS,
    *CASES_OF_MEMBERS,
    *CASES_OF_PROJECTS,
    Case("POST /api/v1/projects", 201, post("/projects", lambda _: {"name": "Another"}), dynamodb=3),
    Case("GET /api/v1/projects", 200, get("/projects"), dynamodb=3),
    # The door read it: who may come in is decided by the project itself.
    Case("GET /api/v1/projects/{projectId}", 200, get("/projects/{project}"), dynamodb=1),
    Case("GET /api/v1/projects/{projectId}/usage", 200, get("/projects/{project}/usage"), dynamodb=2),
    Case(
        "POST /api/v1/files/init-upload",
        201,
        post("/files/init-upload", _after_another),
        dynamodb=3,
    ),
    Case(
        "POST /api/v1/files/init-upload",
        201,
        post("/files/init-upload", lambda scene: announce(b"Dear readers", **_TEXT, fileId=scene.document())),
        dynamodb=4,
        what="of a new version",
    ),
    Case(
        "POST /api/v1/files/commit",
        200,
        post("/files/commit", lambda scene: {"uploadId": scene.begun()["uploadId"]}),
        dynamodb=3,
        s3=1,
        sqs=1,
        what="of an image",
    ),
    Case(
        "POST /api/v1/files/commit",
        200,
        post("/files/commit", lambda scene: {"uploadId": scene.begun(b"Dear reader", **_TEXT)["uploadId"]}),
        dynamodb=3,
        s3=1,
        what="of a file",
    ),
    Case(
        "POST /api/v1/files/commit",
        200,
        post("/files/commit", _without_sha256),
        dynamodb=3,
        s3=1,
        sqs=1,
        what="of a file without its SHA-256",
    ),
    Case(
        "POST /api/v1/files/commit",
        200,
        post("/files/commit", _new_version),
        dynamodb=4,
        s3=1,
        what="of a new version",
    ),
    Case("POST /api/v1/files/commit", 200, post("/files/commit", _committed), dynamodb=3, what="once more"),
    Case("GET /api/v1/files", 200, get("/files?projectId={project}"), dynamodb=2),
    Case("GET /api/v1/files", 200, get("/files?projectId={project}&kind=image"), dynamodb=2, what="of a kind"),
    Case("GET /api/v1/files", 200, get("/files?projectId={project}&prefix=ph"), dynamodb=2, what="by name"),
    Case("GET /api/v1/files/{fileId}", 200, _file(Scene.image), dynamodb=2),
    Case("GET /api/v1/files/{fileId}/content", 302, _file(Scene.document, "/content"), dynamodb=2),
    Case(
        "GET /api/v1/files/{fileId}/content",
        302,
        _file(Scene.drawn, "/content?variant=thumb"),
        dynamodb=2,
        what="of a variant",
    ),
    Case(
        "GET /api/v1/files/{fileId}/content",
        202,
        _file(_with_another_variant, "/content?variant=wide"),
        dynamodb=3,
        sqs=1,
        what="of a variant that is new",
    ),
    Case("DELETE /api/v1/files/{fileId}", 200, _file(Scene.document, method="DELETE"), dynamodb=3),
    Case(
        "DELETE /api/v1/files/{fileId}",
        200,
        _file(Scene.drawn, method="DELETE"),
        dynamodb=3,
        sqs=1,
        what="with variants to move",
    ),
    Case(
        "DELETE /api/v1/files/{fileId}",
        202,
        _file(Scene.image, "?permanent=true", method="DELETE"),
        dynamodb=3,
        sqs=1,
        what="for good",
    ),
    Case("GET /api/v1/health", 200, get("/health")),
    # SES is asked as well, whether it is in its sandbox; moto cannot say, so that answer is made before it is counted.
    Case("GET /api/v1/health/ready", 200, get("/health/ready"), dynamodb=1, s3=1),
    Case("GET /api/v1/openapi.json", 200, get("/openapi.json")),
    Case("GET /api/v1/docs", 200, get("/docs")),
    Case("GET /api/v1/docs/{asset}", 200, get("/docs/start.js")),
)


# What changes nothing that anybody had, and so has no row in the journal.
_NO_DEED = {
    "POST /api/v1/auth/sign-up with proof of the address",  # there is no account before the proof
    "POST /api/v1/auth/verify-email/resend",
    "POST /api/v1/auth/forgot-password of nobody",
    "POST /api/v1/auth/refresh",  # the session goes on; its beginning and its end are deeds
    "POST /api/v1/auth/2fa/setup",  # a seed counts for nothing before it is enabled
    "POST /api/v1/authz/explain",
    "POST /api/v1/authz/explain of others",
    "PATCH /api/v1/projects/{projectId}/members/{userId} that changes nothing",
    "POST /api/v1/projects/{projectId}/sync-variants only told",
    "POST /api/v1/files/commit once more",
}
# They want a provider, and are done where there is one.
_NEVER_DONE = {"POST /api/v1/auth/identities/{provider}/link", "DELETE /api/v1/auth/identities/{provider}"}


def _is_done(case: Case) -> bool:
    return not case.route.startswith("GET") and case.status < 300


@dataclass(frozen=True)
class Performed:
    """A request that was made: what came back, and what was seen of it."""

    case: Case
    answer: Answer
    calls: Mapping[str, int]
    transactions: Sequence[set[str]]  # by the tables that each wrote to


@pytest.fixture(scope="module", params=CASES, ids=str)
def performed(
    request: pytest.FixtureRequest, cloud: Cloud, calls: Counter[str], transactions: list[set[str]]
) -> Performed:
    """Each request, made once."""
    case: Case = request.param
    ask = case.prepare(Scene.new(cloud))
    calls.clear()
    transactions.clear()
    answer = ask()
    return Performed(case, answer, dict(calls), tuple(transactions))


def test_a_request_costs_what_was_planned(performed: Performed) -> None:
    case, answer = performed.case, performed.answer

    assert (answer.status, performed.calls) == (case.status, case.budget), answer.text
    assert case not in CASES_OF_LISTS or len(answer.data()) == 100


def test_a_deed_writes_its_audit_row_in_its_own_transaction(performed: Performed) -> None:
    rows = [tables for tables in performed.transactions if "audit" in tables]

    if str(performed.case) in _NO_DEED:
        assert rows == []
    elif _is_done(performed.case):
        assert rows
        assert {"audit"} not in rows, "what was done is in another transaction"


def test_an_answer_holds_what_the_document_says_and_nothing_else(performed: Performed) -> None:
    if performed.answer.status >= 300:
        return
    shape = shape_of(performed.case.route, performed.answer.status)

    assert shape is None or strays(performed.answer.json(), shape) == []


def test_every_route_has_its_number() -> None:
    assert {case.route for case in CASES} == set(OPERATIONS)


def test_every_deed_is_done() -> None:
    deeds = {route for route in OPERATIONS if not route.startswith("GET")}

    assert deeds - {case.route for case in CASES if _is_done(case)} == _NEVER_DONE
    assert {str(case) for case in CASES} >= _NO_DEED


def test_a_stranger_costs_one_round_trip(scene: Scene, calls: Counter[str]) -> None:
    stranger = Client(scene.client.token)
    calls.clear()

    assert stranger.get("/files/000000000000-00000000000000000000000000").status == 404
    assert dict(calls) == {"dynamodb": 1}


def test_a_bad_token_costs_nothing(calls: Counter[str]) -> None:
    calls.clear()

    assert Client("a.b.c").get("/projects").status == 401
    assert dict(calls) == {}
