"""The steps of the main job, as clients take them."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from infra.local.waiting import until
from tests.stack.client import PASSWORD, Answer, Client, Server, follow, logged_in, new_email
from tests.stack.state import State

Told = TypeVar("Told")

VARIANTS = (
    {"name": "thumb", "width": 64, "height": 64, "fit": "cover", "format": "webp"},
    {"name": "wide", "width": 160, "format": "avif"},
    {"name": "flat", "width": 90, "height": 30, "fit": "stretch", "format": "jpeg"},
    {"name": "plain", "height": 48, "format": "png"},
)
WIDTH = 16  # requests at the same moment
_PATIENCE = 60  # seconds for what workers do


def superuser(server: Server, state: State) -> Client:
    """Somebody who may everything, as only the operator makes them."""
    email = new_email()
    state.invoke("auth", {"command": "superuser", "email": email, "password": PASSWORD})
    return logged_in(server, email)


def new_project(client: Client, **settings: Any) -> str:
    """The id of a project with one small variant, private unless the settings say otherwise."""
    settings = {"variants": VARIANTS[:1], **settings}
    project: str = client.post("/projects", {"name": "Holiday photos", "settings": settings}).data()["id"]
    return project


def begin(client: Client, content: bytes, **said: Any) -> Any:
    """Begin the upload of these bytes, as a JPEG unless something else is said."""
    return client.post("/files/init-upload", wish(content, **said)).data()


def wish(content: bytes, **said: Any) -> dict[str, Any]:
    """What a client says to upload these bytes."""
    return {
        "filename": "photo.jpg",
        "contentType": "image/jpeg",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        **said,
    }


def send(begun: Mapping[str, Any], content: bytes) -> Answer:
    """Send the bytes to where the API said."""
    return follow(begun["url"], method=begun["method"], headers=begun["headers"], body=content)


def commit(client: Client, begun: Mapping[str, Any]) -> Answer:
    return client.post("/files/commit", {"uploadId": begun["uploadId"]})


def upload(client: Client, content: bytes, **said: Any) -> Any:
    """Begin, send and commit: what the commit says."""
    begun = begin(client, content, **said)
    assert send(begun, content).status == 200
    return commit(client, begun).data()


def finished(client: Client, file_id: str) -> Any:
    """The file, when it is there and no worker has anything to do with it any more."""

    def over() -> bool:
        answer = client.get(f"/files/{file_id}")
        return answer.status == 200 and answer.data()["status"] != "processing"

    until(over, _PATIENCE, lambda: AssertionError(client.get(f"/files/{file_id}").content))
    return client.get(f"/files/{file_id}").data()


def comes_true(fact: Callable[[], bool], patience: float = _PATIENCE) -> None:
    """Wait until something is so."""
    until(fact, patience, lambda: AssertionError("It has not come true."))


def at_once(count: int, do: Callable[[int], Told], *, width: int = WIDTH) -> list[Told]:
    """Do the same that many times, so many at the same moment; each is told its number.

    More than sixteen would be no fiercer a race, but for counters, and the local cloud unpacks 90 MB for every further worker.
    """
    width = min(count, width)
    start = threading.Barrier(width)

    def one(number: int) -> Told:
        if number < width:
            start.wait()
        return do(number)

    with ThreadPoolExecutor(max(width, 1)) as pool:
        return list(pool.map(one, range(count)))
