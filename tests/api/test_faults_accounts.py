"""Faults while people sign up, log in and go on: one account per address, one chain of tokens, and what was done is told."""

import time

import pytest

from holdall.iam import signing_keys
from tests.api import people
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.faults import MODES, Mode, Scene, survive

each_mode = pytest.mark.parametrize("mode", MODES)


def actions(cloud: Cloud, user_id: str) -> list[str]:
    return sorted(row["action"] for row in cloud.rows("audit", actor=user_id) if row["outcome"] == "success")


@each_mode
def test_a_sign_up_makes_one_whole_account(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    def prepare() -> Scene:
        cloud.forget()
        email = people.new_address()

        def deliver() -> Answer:
            return Client().post("/auth/sign-up", {"email": email, "password": people.PASSWORD})

        def check(again: Answer) -> None:
            assert again.status in (201, 409)
            (user,) = cloud.rows("main", record_kind="user", email=email)
            assert len(cloud.rows("main", record_kind="unique", user_id=user["id"])) == 1
            assert actions(cloud, user["id"]) == ["accounts.sign-up", "projects.create"]
            client = people.log_in(email)
            assert [each["personal"] for each in client.get("/projects").data()] == [True]

        return Scene(deliver, check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_a_login_is_told_as_often_as_it_began_a_session(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    def prepare() -> Scene:
        cloud.forget()
        user = people.sign_up()

        def deliver() -> Answer:
            return Client().post("/auth/login", {"email": user["email"], "password": people.PASSWORD})

        def check(again: Answer) -> None:
            assert Client(again.data()["accessToken"]).get("/auth/me").status == 200
            sessions = cloud.rows("main", record_kind="session", user_id=user["id"])
            assert actions(cloud, user["id"]).count("login") == len(sessions)

        return Scene(deliver, check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_the_first_login_of_all_makes_one_key_that_everybody_knows(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    def prepare() -> Scene:
        cloud.forget()
        user = people.sign_up()
        for row in cloud.rows("main", record_kind="public-key"):
            cloud.dynamodb.Table("main").delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
            cloud.ssm.delete_parameter(Name=f"/holdall/test/signing-key-{row['number']}")
        forget_keys()

        def deliver() -> Answer:
            return Client().post("/auth/login", {"email": user["email"], "password": people.PASSWORD})

        def check(again: Answer) -> None:
            token = again.data()["accessToken"]
            forget_keys()  # as another function, which knows only what was published
            assert Client(token).get("/auth/me").status == 200

        return Scene(deliver, check)

    people.signed_in()
    survive(monkeypatch, mode, prepare)
    forget_keys()


def forget_keys() -> None:
    """As in a process that begins."""
    signing_keys._private.cache_clear()
    signing_keys._known.clear()
    signing_keys._loaded_at = time.monotonic() - 3600


@each_mode
def test_a_refresh_makes_one_chain(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    def prepare() -> Scene:
        cloud.forget()
        client = people.signed_in()

        def deliver() -> Answer:
            return Client().post("/auth/refresh", {"refreshToken": client.refresh_token})

        def check(again: Answer) -> None:
            data = again.data()
            assert Client(data["accessToken"]).get("/auth/me").status == 200
            assert Client().post("/auth/refresh", {"refreshToken": data["refreshToken"]}).status == 200
            assert cloud.rows("audit", action="session.reuse") == []

        return Scene(deliver, check)

    survive(monkeypatch, mode, prepare)


@each_mode
@pytest.mark.parametrize(("path", "action"), [("logout", "session.end"), ("logout-all", "session.end-all")])
def test_a_logout_is_done_and_told_once(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode, path: str, action: str
) -> None:
    def prepare() -> Scene:
        cloud.forget()
        client = people.signed_in()

        def check(again: Answer) -> None:
            assert again.status in (204, 401)
            assert client.get("/auth/me").status == 401
            assert actions(cloud, client.user["id"]).count(action) == 1

        return Scene(lambda: client.post(f"/auth/{path}"), check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_reuse_ends_a_family_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    def prepare() -> Scene:
        cloud.forget()
        client = people.signed_in()
        tokens = [client.refresh_token]
        for _ in range(2):
            data = Client().post("/auth/refresh", {"refreshToken": tokens[-1]}).data()
            tokens.append(data["refreshToken"])

        def deliver() -> Answer:
            return Client().post("/auth/refresh", {"refreshToken": tokens[0]})

        def check(again: Answer) -> None:
            assert again.status == 401
            assert Client().post("/auth/refresh", {"refreshToken": tokens[-1]}).status == 401
            assert len(cloud.rows("audit", action="session.reuse")) == 1

        return Scene(deliver, check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_a_project_is_made_once_for_a_key(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    def prepare() -> Scene:
        cloud.forget()
        client = people.signed_in()

        def deliver() -> Answer:
            return client.post("/projects", {"name": "x"}, headers={"idempotency-key": "key"})

        def check(again: Answer) -> None:
            made = again.created()
            assert [each["id"] for each in client.get("/projects").data() if not each["personal"]] == [made["id"]]
            assert actions(cloud, client.user["id"]).count("projects.create") == 2

        return Scene(deliver, check)

    survive(monkeypatch, mode, prepare)


@each_mode
@pytest.mark.parametrize("path", ["/auth/me", "/projects", "/files", "/.well-known/jwks.json"])
def test_a_read_says_that_a_store_is_silent(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode, path: str
) -> None:
    def prepare() -> Scene:
        client = people.signed_in()

        return Scene(lambda: client.get(path), lambda again: None if again.status == 200 else pytest.fail(again.text))

    survive(monkeypatch, mode, prepare)
