"""Races: somebody else is faster, between what a request has read and what it writes.

In one process there is no real parallelism; the deployed stack is asked for that. Here each interleaving comes every time.
"""

import json
from functools import partial
from typing import Any

import pytest

from holdall import ids
from holdall.accounts.model import SignUp
from holdall.accounts.service import entry
from holdall.caller import Caller, Once, Visitor
from holdall.errors import Conflict, NotFound
from holdall.files import service as files
from holdall.iam.service import sessions
from holdall.uploads import service as uploads
from holdall.uploads.model import Begun, Commit, InitUpload
from holdall.variants import service as variants
from tests.api import books, people
from tests.api.callers import caller, place
from tests.api.client import Client
from tests.api.cloud import Cloud, announce, photo
from tests.api.conftest import Clock
from tests.api.faults import meanwhile

TEXT = {"filename": "notes.txt", "contentType": "text/plain"}
VISITOR = Visitor("192.0.2.8", "faster", "request")


def begin(client: Client, content: bytes, **said: Any) -> dict[str, Any]:
    begun: dict[str, Any] = client.post("/files/init-upload", announce(content, **{**TEXT, **said})).created()
    return begun


def test_two_uses_of_a_refresh_token_make_one_chain(client: Client, cloud: Cloud) -> None:
    with meanwhile("TransactWriteItems", lambda: entry.refresh(VISITOR, client.refresh_token)) as faster:
        answer = Client().post("/auth/refresh", {"refreshToken": client.refresh_token})

    assert [each.refresh_token for each in faster] == [answer.data()["refreshToken"]]  # type: ignore[attr-defined]
    assert Client().post("/auth/refresh", {"refreshToken": answer.data()["refreshToken"]}).status == 200
    assert cloud.rows("audit", action="session.reuse") == []


@pytest.mark.parametrize("end", [sessions.end_session, sessions.end_sessions])
def test_a_logout_overtakes_a_refresh(client: Client, end: Any) -> None:
    with meanwhile("TransactWriteItems", lambda: end(caller(client))):
        answer = Client().post("/auth/refresh", {"refreshToken": client.refresh_token})

    assert answer.problem()["code"] == "invalid_token"


def test_two_sign_ups_make_one_account(visitor: Client, cloud: Cloud) -> None:
    email = people.new_address()
    faster = SignUp(email=email.upper(), password=people.PASSWORD)
    with meanwhile("TransactWriteItems", lambda: entry.sign_up(VISITOR, faster)):
        slower = visitor.post("/auth/sign-up", {"email": email, "password": people.PASSWORD})

    assert slower.problem()["code"] == "email_taken"
    assert len(cloud.rows("main", record_kind="user")) == 1
    assert len(cloud.rows("main", record_kind="project")) == 1


def test_the_last_place_is_given_once(client: Client, cloud: Cloud) -> None:
    settings = {"quota": {"maxFiles": 1}}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()["id"]
    said = InitUpload.model_validate(announce(b"faster", **TEXT))
    with meanwhile("TransactWriteItems", lambda: uploads.init(caller(client), place(project), said)):
        slower = client.post("/files/init-upload", announce(b"slower", projectId=project, **TEXT))

    assert slower.problem()["code"] == "quota_exceeded"
    assert books.held(cloud, project) == (6, 1)


def commit(client: Client, begun: dict[str, Any]) -> Any:
    project = place(begun["uploadId"][:12])
    return uploads.commit(caller(client), project, Commit.model_validate({"uploadId": begun["uploadId"]}))


@pytest.mark.parametrize("faster", ["commit", "arrival"])
@pytest.mark.parametrize("content_type", ["text/plain", "image/jpeg"])
def test_two_who_complete_an_upload_make_one_version(
    client: Client, cloud: Cloud, faster: str, content_type: str
) -> None:
    begun = begin(client, photo(), contentType=content_type, autoCommit=True)
    version = cloud.put(begun, photo())
    step = partial(commit, client, begun) if faster == "commit" else partial(uploads.arrived, begun["key"], version)
    with meanwhile("TransactWriteItems", step):
        made = client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()

    assert made["version"] == 1
    project = people.personal_project(client)
    assert [each["number"] for each in books.versions(cloud, project)] == [1]
    assert len(cloud.rows("main", record_kind="job")) == (content_type == "image/jpeg")
    assert cloud.versions(begun["key"]) == [version]
    books.check(cloud, project)


def test_two_versions_at_once_get_two_numbers(client: Client, cloud: Cloud) -> None:
    file_id = cloud.upload(client, b"first", **TEXT)["fileId"]
    faster, slower = (begin(client, content, fileId=file_id) for content in (b"second", b"third!"))
    for begun, content in ((faster, b"second"), (slower, b"third!")):
        cloud.put(begun, content)
    with meanwhile("TransactWriteItems", lambda: commit(client, faster)):
        made = client.post("/files/commit", {"uploadId": slower["uploadId"]}).data()

    assert made["version"] == 3
    assert commit(client, faster).version == 2
    assert client.get(f"/files/{file_id}").data()["version"] == 3
    books.check(cloud, people.personal_project(client))


def test_an_upload_that_expires_while_it_is_committed_is_not(client: Client, cloud: Cloud, frozen: Clock) -> None:
    begun = begin(client, b"content")
    cloud.put(begun, b"content")

    def expire() -> None:
        frozen.forward(hours=24)
        uploads.expire(begun["uploadId"])

    with meanwhile("TransactWriteItems", expire):
        late = client.post("/files/commit", {"uploadId": begun["uploadId"]})

    assert (late.status, late.problem()["code"]) == (409, "wrong_state")
    books.nothing_left(cloud, people.personal_project(client))


def test_two_sweeps_give_the_quota_back_once(client: Client, cloud: Cloud, frozen: Clock) -> None:
    begun = begin(client, b"content")
    begin(client, b"other")
    frozen.forward(hours=23)
    begin(people.log_in(client.user["email"]), b"young")
    frozen.forward(hours=1)
    with meanwhile("TransactWriteItems", lambda: uploads.expire(begun["uploadId"])):
        cloud.deliver("maintenance", json.dumps({"work": "expire-upload", "id": begun["uploadId"]}))

    assert books.held(cloud, people.personal_project(client)) == (10, 2)


def twin(client: Client, body: dict[str, Any], project_id: str, key: str) -> Begun:
    """The same request with the same Idempotency-Key, as the door makes a caller of it."""
    once = Once(ids.digest(f"{client.user['id']} /api/v1/files/init-upload {key}"), ids.digest(json.dumps(body)))
    who = caller(client)
    twin = Caller(who.address, who.agent, who.request_id, who.user_id, who.session_id, who.permissions, once=once)
    return uploads.init(twin, place(project_id), InitUpload.model_validate(body))


def test_of_two_twins_one_makes_it_and_the_other_gets_its_result(client: Client, cloud: Cloud) -> None:
    body, project = announce(b"content", **TEXT), people.personal_project(client)
    with meanwhile("TransactWriteItems", lambda: twin(client, body, project, "key")) as faster:
        slower = client.post("/files/init-upload", body, headers={"idempotency-key": "key"}).created()

    assert [each.upload_id for each in faster] == [slower["uploadId"]]  # type: ignore[attr-defined]
    assert books.held(cloud, project) == (7, 1)


@pytest.mark.parametrize("faster", [files.trash, files.purge])
@pytest.mark.parametrize("permanent", ["false", "true"])
def test_two_who_put_a_file_away_agree(
    client: Client, cloud: Cloud, project: dict[str, Any], faster: Any, permanent: str
) -> None:
    file_id = cloud.upload(client, photo(), projectId=project["id"])["fileId"]
    cloud.draw()
    with meanwhile("TransactWriteItems", lambda: faster(caller(client), file_id)):
        slower = client.delete(f"/files/{file_id}?permanent={permanent}")

    purged = faster is files.purge or permanent == "true"
    assert slower.status == (404 if faster is files.purge else 202 if purged else 200)
    cloud.work()
    if purged:
        books.nothing_left(cloud, project["id"])
    else:
        assert [key.partition("/")[0] for key in cloud.keys("variants", project["id"])] == ["private"]
    assert len(cloud.rows("audit", action="files.purge")) == purged


def test_a_purge_overtakes_a_new_version(client: Client, cloud: Cloud) -> None:
    file_id = cloud.upload(client, b"first", **TEXT)["fileId"]
    begun = begin(client, b"second", fileId=file_id)
    cloud.put(begun, b"second")
    with meanwhile("TransactWriteItems", lambda: files.purge(caller(client), file_id)):
        refused = client.post("/files/commit", {"uploadId": begun["uploadId"]})

    assert (refused.status, refused.problem()["code"]) == (409, "wrong_state")
    cloud.work()
    assert books.held(cloud, people.personal_project(client)) == (6, 1)
    books.check(cloud, people.personal_project(client))


def test_a_job_is_claimed_once(client: Client, cloud: Cloud) -> None:
    cloud.upload(client, photo())
    (message,) = cloud.waiting("images")
    job_id = json.loads(message)["jobId"]
    with meanwhile("TransactWriteItems", lambda: variants.begin(job_id)) as faster:
        slower = variants.begin(job_id)

    assert slower is None
    assert faster != [None]


def test_what_is_gone_is_not_put_away(client: Client, cloud: Cloud) -> None:
    file_id = cloud.upload(client, b"x", **TEXT)["fileId"]
    files.purge(caller(client), file_id)
    cloud.work()

    for put_away in (files.trash, files.purge):
        with pytest.raises((NotFound, Conflict)):
            put_away(caller(client), file_id)
