"""The steps of an upload, as clients take them, and other actions that tests share."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from infra.local.waiting import wait_until
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import PASSWORD, Client, Response, Server, new_email, request_url, sign_in
from tests.support.e2e.mailbox import Mailbox
from tests.support.factories import make_upload_request

T = TypeVar("T")

VARIANTS = (
    {"name": "thumb", "width": 64, "height": 64, "fit": "cover", "format": "webp"},
    {"name": "wide", "width": 160, "format": "avif"},
    {"name": "flat", "width": 90, "height": 30, "fit": "stretch", "format": "jpeg"},
    {"name": "plain", "height": 48, "format": "png"},
)
CONCURRENCY = 16  # requests at the same time
_WORKER_TIMEOUT_SECONDS = 60


def create_superuser(server: Server, aws_state: AwsState) -> Client:
    """Create a superuser with the command of the operator, and sign in."""
    email = new_email()
    aws_state.invoke("auth", {"command": "superuser", "email": email, "password": PASSWORD})
    return sign_in(server, email)


def create_project(client: Client, **settings: Any) -> str:
    """Create a private project with one small variant, and return its ID. `settings` overrides that."""
    settings = {"variants": VARIANTS[:1], **settings}
    project: str = client.post("/projects", {"name": "Holiday photos", "settings": settings}).data()["id"]
    return project


def add_member(owner: Client, project_id: str, mailbox: Mailbox, member: Client, role: str) -> None:
    """Invite a user, who accepts with the token in the email."""
    received = len(mailbox.emails_to(member.email))
    owner.post(f"/projects/{project_id}/invitations", {"email": member.email, "role": role}).data()
    token = mailbox.wait_for_token(member.email, count=received + 1)
    member.post("/invitations/accept", {"token": token}).data()


def init_upload(client: Client, content: bytes, **overrides: Any) -> Any:
    """Initiate an upload, of a JPEG unless overridden."""
    return client.post("/files/init-upload", make_upload_request(content, **overrides)).data()


def upload_bytes(upload: Mapping[str, Any], content: bytes) -> Response:
    """Send the bytes to the presigned URL."""
    return request_url(upload["url"], method=upload["method"], headers=upload["headers"], body=content)


def commit_upload(client: Client, upload: Mapping[str, Any]) -> Response:
    return client.post("/files/commit", {"uploadId": upload["uploadId"]})


def upload_file(client: Client, content: bytes, **overrides: Any) -> Any:
    """Upload and commit a file, and return the data of the commit."""
    upload = init_upload(client, content, **overrides)
    assert upload_bytes(upload, content).status == 200
    return commit_upload(client, upload).data()


def wait_until_processed(client: Client, file_id: str) -> Any:
    """Wait until a file exists and is processed, and return it."""

    def is_processed() -> bool:
        response = client.get(f"/files/{file_id}")
        return response.status == 200 and response.data()["status"] != "processing"

    wait_until(is_processed, _WORKER_TIMEOUT_SECONDS, lambda: AssertionError(client.get(f"/files/{file_id}").content))
    return client.get(f"/files/{file_id}").data()


def wait_for(condition: Callable[[], bool], timeout: float = _WORKER_TIMEOUT_SECONDS) -> None:
    """Wait until a condition is true."""
    wait_until(condition, timeout, lambda: AssertionError("The condition did not become true."))


def run_concurrently(count: int, action: Callable[[int], T], *, concurrency: int = CONCURRENCY) -> list[T]:
    """Call `action` with each number below `count`, `concurrency` at the same time, and return the results.

    More than 16 make only races of counters harder, and MiniStack unpacks 90 MB for each additional worker.
    """
    concurrency = min(count, concurrency)
    start = threading.Barrier(concurrency)

    def run(number: int) -> T:
        if number < concurrency:
            start.wait()
        return action(number)

    with ThreadPoolExecutor(max(concurrency, 1)) as pool:
        return list(pool.map(run, range(count)))
