"""The steps of the main job, as clients take them."""

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
CONCURRENCY = 16  # requests at the same moment
_WORKER_TIMEOUT_SECONDS = 60  # seconds for what workers do


def create_superuser(server: Server, aws_state: AwsState) -> Client:
    """Somebody who may everything, as only the operator makes them."""
    email = new_email()
    aws_state.invoke("auth", {"command": "superuser", "email": email, "password": PASSWORD})
    return sign_in(server, email)


def create_project(client: Client, **settings: Any) -> str:
    """The id of a project with one small variant, private unless the settings say otherwise."""
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
    """Begin the upload of these bytes, as a JPEG unless something else is said."""
    return client.post("/files/init-upload", make_upload_request(content, **overrides)).data()


def upload_bytes(upload: Mapping[str, Any], content: bytes) -> Response:
    """Send the bytes to where the API said."""
    return request_url(upload["url"], method=upload["method"], headers=upload["headers"], body=content)


def commit_upload(client: Client, upload: Mapping[str, Any]) -> Response:
    return client.post("/files/commit", {"uploadId": upload["uploadId"]})


def upload_file(client: Client, content: bytes, **overrides: Any) -> Any:
    """Begin, send and commit: what the commit says."""
    begun = init_upload(client, content, **overrides)
    assert upload_bytes(begun, content).status == 200
    return commit_upload(client, begun).data()


def wait_until_processed(client: Client, file_id: str) -> Any:
    """The file, when it is there and no worker has anything to do with it any more."""

    def over() -> bool:
        answer = client.get(f"/files/{file_id}")
        return answer.status == 200 and answer.data()["status"] != "processing"

    wait_until(over, _WORKER_TIMEOUT_SECONDS, lambda: AssertionError(client.get(f"/files/{file_id}").content))
    return client.get(f"/files/{file_id}").data()


def wait_for(condition: Callable[[], bool], timeout: float = _WORKER_TIMEOUT_SECONDS) -> None:
    """Wait until something is so."""
    wait_until(condition, timeout, lambda: AssertionError("It has not come true."))


def run_concurrently(count: int, action: Callable[[int], T], *, concurrency: int = CONCURRENCY) -> list[T]:
    """Do the same that many times, so many at the same moment; each is told its number.

    More than sixteen would be no fiercer a race, but for counters, and the local cloud unpacks 90 MB for every further worker.
    """
    concurrency = min(count, concurrency)
    start = threading.Barrier(concurrency)

    def one(number: int) -> T:
        if number < concurrency:
            start.wait()
        return action(number)

    with ThreadPoolExecutor(max(concurrency, 1)) as pool:
        return list(pool.map(one, range(count)))
