"""Many at once. Workers are warmed up first: a race of cold starts is a queue."""

from collections import Counter

import pytest

from tests.stack import pictures
from tests.stack.client import PASSWORD, Answer, Client, Server, logged_in, new_email
from tests.stack.state import State
from tests.stack.work import WIDTH, at_once, begin, commit, finished, new_project, send, wish

_PLAIN = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture(scope="module")
def uploads(direct: Server) -> None:
    """Workers of `upload` that are ready."""
    _warm(direct, "/uploads")


@pytest.fixture(scope="module")
def accounts(direct: Server) -> None:
    """Workers of `auth` that are ready."""
    _warm(direct, "/auth/me")


def test_sixteen_commits_at_once_make_one_version(client: Client, state: State, uploads: None) -> None:
    project_id, photo = new_project(client), pictures.photo(30)
    begun = begin(client, photo, projectId=project_id)
    assert send(begun, photo).status == 200

    answers = at_once(16, lambda _: commit(client, begun))

    assert {answer.status for answer in answers} == {200}
    assert {(answer.data()["fileId"], answer.data()["version"]) for answer in answers} == {(begun["fileId"], 1)}
    _made_once(client, state, project_id, begun["fileId"])


def test_commits_and_the_event_at_once_make_one_version(client: Client, state: State, uploads: None) -> None:
    project_id, photo = new_project(client), pictures.photo(31)
    begun = begin(client, photo, projectId=project_id, autoCommit=True)

    def one(number: int) -> Answer:
        return send(begun, photo) if number == 0 else commit(client, begun)

    answers = at_once(16, one)

    assert answers[0].status == 200
    assert {answer.status for answer in answers[1:]} <= {200, 409}  # some were faster than the bytes
    assert commit(client, begun).data()["version"] == 1
    _made_once(client, state, project_id, begun["fileId"])


def test_new_versions_of_one_file_get_a_number_each(client: Client, state: State, uploads: None) -> None:
    project_id, contents = new_project(client), [f"version {number}".encode() for number in range(9)]
    first = begin(client, contents[0], projectId=project_id, **_PLAIN)
    assert send(first, contents[0]).status == 200
    file_id = commit(client, first).data()["fileId"]
    later = [begin(client, content, projectId=project_id, fileId=file_id, **_PLAIN) for content in contents[1:]]
    for begun, content in zip(later, contents[1:], strict=True):
        assert send(begun, content).status == 200

    answers = at_once(8, lambda number: commit(client, later[number]))
    for number, answer in enumerate(answers):  # five attempts may not do; a client that was told "busy" asks again
        if answer.status == 409:
            answer.problem(409, "busy")
            assert commit(client, later[number]).status == 200

    assert sorted(version["number"] for version in state.versions(file_id)) == list(range(1, 10))
    shown = client.get(f"/files/{file_id}").data()
    (highest,) = [version for version in state.versions(file_id) if version["number"] == 9]
    assert (shown["version"], shown["sha256"]) == (9, highest["sha256"])


def test_thirty_two_sign_ups_with_one_address_make_one_account(direct: Server, accounts: None) -> None:
    name = new_email()
    spellings = [name, name.upper(), f" {name}", name.title()]

    def sign_up(number: int) -> Answer:
        return Client(direct).post("/auth/sign-up", {"email": spellings[number % 4], "password": PASSWORD})

    answers = at_once(32, sign_up)

    assert Counter(answer.status for answer in answers) == {201: 1, 409: 31}
    assert {answer.json().get("code") for answer in answers} == {None, "email_taken"}
    (made,) = [answer.data()["user"] for answer in answers if answer.status == 201]
    client = logged_in(direct, name)
    assert client.user["id"] == made["id"]
    assert [project["personal"] for project in client.get("/projects").json()["data"]] == [True]


def test_sixteen_refreshes_with_one_token_make_one_chain(client: Client, visitor: Client, accounts: None) -> None:

    answers = at_once(16, lambda _: visitor.post("/auth/refresh", {"refreshToken": client.refresh_token}))

    assert {answer.status for answer in answers} == {200}
    assert len({answer.data()["refreshToken"] for answer in answers}) == 1
    successor = answers[0].data()
    assert Client(client.server, successor["accessToken"]).get("/auth/me").status == 200
    after = visitor.post("/auth/refresh", {"refreshToken": successor["refreshToken"]}).data()
    assert visitor.post("/auth/refresh", {"refreshToken": after["refreshToken"]}).status == 200
    # The first was spent long ago, and its use now ends the family.
    visitor.post("/auth/refresh", {"refreshToken": client.refresh_token}).problem(401, "invalid_token")
    visitor.post("/auth/refresh", {"refreshToken": after["refreshToken"]}).problem(401, "invalid_token")
    client.get("/auth/me").problem(401, "invalid_token")


@pytest.mark.parametrize(
    "quota", [{"maxBytes": 20 * 1000 + 999}, {"maxFiles": 20}], ids=lambda quota: next(iter(quota))
)
def test_sixty_four_clients_at_the_edge_of_a_quota_never_cross_it(
    quota: dict[str, int], client: Client, state: State, uploads: None
) -> None:
    project_id, content = new_project(client, quota=quota), bytes(1000)

    answers = at_once(64, lambda _: client.post("/files/init-upload", wish(content, projectId=project_id, **_PLAIN)))

    assert Counter(answer.status for answer in answers) == {201: 20, 409: 44}
    assert {answer.json().get("code") for answer in answers} == {None, "quota_exceeded"}
    assert state.quota(project_id) == (20 * 1000, 20)


def test_a_twin_with_the_same_idempotency_key_gets_the_same_upload(client: Client, state: State, uploads: None) -> None:
    project_id, said = new_project(client), wish(b"x", **_PLAIN)

    answers = at_once(
        16,
        lambda _: client.post("/files/init-upload", {**said, "projectId": project_id}, **{"idempotency-key": "once"}),
    )

    assert {answer.status for answer in answers} == {201}
    assert len({answer.data()["uploadId"] for answer in answers}) == 1
    assert state.quota(project_id) == (1, 1)


def test_one_file_purged_by_four_gives_its_quota_back_once(client: Client, state: State) -> None:
    project_id, content = new_project(client), b"away with it"
    begin(client, content, projectId=project_id, **_PLAIN)
    begun = begin(client, content, projectId=project_id, **_PLAIN)
    assert send(begun, content).status == 200
    file_id = commit(client, begun).data()["fileId"]

    answers = at_once(4, lambda _: client.delete(f"/files/{file_id}?permanent=true"))
    state.settle()

    assert {answer.status for answer in answers} <= {202, 404, 409}
    assert any(answer.status == 202 for answer in answers)
    assert state.quota(project_id) == (len(content), 1)
    assert state.originals(project_id) == []


def _warm(server: Server, path: str) -> None:
    at_once(WIDTH, lambda _: Client(server).get(path, authorization="Bearer none"))


def _made_once(client: Client, state: State, project_id: str, file_id: str) -> None:
    """One version, one job, one object, one set of variants."""
    file = finished(client, file_id)
    state.settle()
    assert (file["status"], file["version"]) == ("ready", 1)
    assert [version["number"] for version in state.versions(file_id)] == [1]
    assert [(job["kind"], job["status"]) for job in state.jobs(project_id)] == [("render", "completed")]
    assert len(state.originals(project_id)) == 1
    assert len(state.variants(project_id)) == 1
    assert state.quota(project_id) == (file["size"], 1)
