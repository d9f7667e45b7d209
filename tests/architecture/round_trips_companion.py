"""Budgets of the routes for Uppy: one round trip to DynamoDB for the token, its caller, the project and the upload."""

from collections.abc import Callable

from tests.architecture.round_trips import BudgetCase, SendRequest, authenticated_post
from tests.support.client import Response
from tests.support.companion import PART, Uppy, UppyUpload
from tests.support.scenario import Scenario

_UPLOAD = "/api/v1/u/{token}/s3/multipart/{uploadId}"


def _post(scenario: Scenario, **metadata: str) -> SendRequest:
    uppy = Uppy.create(scenario.client, scenario.project_id)
    uppy.get_params().json()  # the first upload creates the counters
    return lambda: uppy.get_params(**metadata)


def _create(scenario: Scenario, **metadata: int) -> SendRequest:
    uppy = Uppy.create(scenario.client, scenario.project_id)
    uppy.create_multipart(size=1)
    body = {"filename": "film.mp4", "type": "video/mp4", "metadata": metadata}
    return lambda: uppy.request("POST", "/s3/multipart", body)


def _with_upload(send: Callable[[Uppy, UppyUpload], Response]) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        uppy = Uppy.create(scenario.client, scenario.project_id)
        upload = uppy.create_multipart()
        return lambda: send(uppy, upload)

    return prepare


def _complete(scenario: Scenario) -> SendRequest:
    uppy = Uppy.create(scenario.client, scenario.project_id)
    upload = uppy.create_multipart()
    parts = uppy.put_parts(scenario.fake_aws, upload, PART, b"end")
    return lambda: uppy.complete(upload, parts)


def _complete_again(scenario: Scenario) -> SendRequest:
    send = _complete(scenario)
    send().json()
    return send


COMPANION_CASES = (
    BudgetCase(
        "POST /api/v1/uploads/companion-token",
        201,
        authenticated_post("/uploads/companion-token", lambda scenario: {"projectId": scenario.project_id}),
        dynamodb=3,
    ),
    # The token, the rate limit, the usage, and the transaction; without a size, the room that is left as well.
    BudgetCase("GET /api/v1/u/{token}/s3/params", 200, lambda scenario: _post(scenario, size="1"), dynamodb=4),
    BudgetCase("GET /api/v1/u/{token}/s3/params", 200, _post, dynamodb=5, label="without a size"),
    BudgetCase(
        "POST /api/v1/u/{token}/s3/multipart", 200, lambda scenario: _create(scenario, size=1), dynamodb=4, s3=1
    ),
    BudgetCase("POST /api/v1/u/{token}/s3/multipart", 200, _create, dynamodb=5, s3=1, label="without a size"),
    BudgetCase(
        f"GET {_UPLOAD}/{{partNumber}}", 200, _with_upload(lambda uppy, upload: uppy.sign_part(upload, 1)), dynamodb=1
    ),
    BudgetCase(
        f"GET {_UPLOAD}/batch", 200, _with_upload(lambda uppy, upload: uppy.sign_parts(upload, 1, 2)), dynamodb=1
    ),
    BudgetCase(f"GET {_UPLOAD}", 200, _with_upload(lambda uppy, upload: uppy.list_parts(upload)), dynamodb=1, s3=1),
    BudgetCase(f"POST {_UPLOAD}/complete", 200, _complete, dynamodb=2, s3=3, sqs=1),
    BudgetCase(f"POST {_UPLOAD}/complete", 200, _complete_again, dynamodb=2, label="replayed"),
    BudgetCase(f"DELETE {_UPLOAD}", 200, _with_upload(lambda uppy, upload: uppy.abort(upload)), dynamodb=2, sqs=1),
)
