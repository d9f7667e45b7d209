"""The budgets of direct uploads: those of an init, a PUT, and a commit."""

from collections.abc import Callable

from tests.architecture.round_trips import BudgetCase, SendRequest
from tests.support.image_samples import make_photo
from tests.support.scenario import Scenario


def _upload(path: str, content: bytes, content_type: str, **headers: str) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        scenario.upload()  # the first upload of an installation creates its counters
        url = path.format(project=scenario.project_id, file=scenario.create_document() if "{file}" in path else "")
        sent = {"content-type": content_type, **headers}
        return lambda: scenario.client.post(url, raw=content, headers=sent)

    return prepare


def _repeat(send: Callable[[Scenario], SendRequest]) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        request = send(scenario)
        request().created()
        return request

    return prepare


_UPLOAD_TEXT = _upload("/upload/file?projectId={project}&filename=notes.txt", b"Dear reader", "text/plain")
_UPLOAD_WITH_KEY = _upload("/upload/file?filename=a.txt", b"Dear reader", "text/plain", **{"idempotency-key": "key"})

DIRECT_CASES = (
    BudgetCase("POST /api/v1/upload/file", 201, _UPLOAD_TEXT, dynamodb=5, s3=2),
    BudgetCase(
        "POST /api/v1/upload/file",
        201,
        _upload("/upload/file?fileId={file}&filename=notes.txt", b"Dear reader", "text/plain"),
        dynamodb=6,
        s3=2,
        label="of a new version",
    ),
    BudgetCase(
        "POST /api/v1/upload/file", 201, _repeat(_UPLOAD_WITH_KEY), dynamodb=7, s3=0, label="sent again with its key"
    ),
    BudgetCase(
        "POST /api/v1/upload/image",
        201,
        _upload("/upload/image?projectId={project}&filename=photo.jpg", make_photo(), "image/jpeg"),
        dynamodb=5,
        s3=2,
        sqs=1,
    ),
)
