"""Faults while people sign up, log in and go on: one account per address, one chain of tokens, and what was done is told."""

import time

import pytest

from holdall.iam import signing_keys
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.faults import FAULT_MODES, FaultMode, FaultScenario, assert_survives_faults

each_fault_mode = pytest.mark.parametrize("mode", FAULT_MODES)


def successful_actions(fake_aws: FakeAws, user_id: str) -> list[str]:
    return sorted(row["action"] for row in fake_aws.find_rows("audit", actor=user_id) if row["outcome"] == "success")


@each_fault_mode
def test_a_sign_up_makes_one_whole_account(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode) -> None:
    def prepare() -> FaultScenario:
        fake_aws.reset()
        email = users.unique_email()

        def deliver() -> Response:
            return Client().post("/auth/sign-up", {"email": email, "password": users.PASSWORD})

        def check(again: Response) -> None:
            assert again.status in (201, 409)
            (user,) = fake_aws.find_rows("main", record_type="user", email=email)
            assert len(fake_aws.find_rows("main", record_type="unique", user_id=user["id"])) == 1
            assert successful_actions(fake_aws, user["id"]) == ["accounts.sign-up", "projects.create"]
            client = users.sign_in(email)
            assert [each["personal"] for each in client.get("/projects").data()] == [True]

        return FaultScenario(deliver, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_a_login_is_told_as_often_as_it_began_a_session(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        fake_aws.reset()
        user = users.sign_up()

        def deliver() -> Response:
            return Client().post("/auth/login", {"email": user["email"], "password": users.PASSWORD})

        def check(again: Response) -> None:
            assert Client(again.data()["accessToken"]).get("/auth/me").status == 200
            sessions = fake_aws.find_rows("main", record_type="session", user_id=user["id"])
            assert successful_actions(fake_aws, user["id"]).count("login") == len(sessions)

        return FaultScenario(deliver, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_the_first_login_of_all_makes_one_key_that_everybody_knows(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        fake_aws.reset()
        user = users.sign_up()
        for row in fake_aws.find_rows("main", record_type="public-key"):
            fake_aws.dynamodb.Table("main").delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
            fake_aws.ssm.delete_parameter(Name=f"/holdall/test/signing-key-{row['number']}")
        clear_key_cache()

        def deliver() -> Response:
            return Client().post("/auth/login", {"email": user["email"], "password": users.PASSWORD})

        def check(again: Response) -> None:
            token = again.data()["accessToken"]
            clear_key_cache()  # as another function, which knows only what was published
            assert Client(token).get("/auth/me").status == 200

        return FaultScenario(deliver, check)

    users.create_client()
    assert_survives_faults(monkeypatch, mode, prepare)
    clear_key_cache()


def clear_key_cache() -> None:
    """As in a process that begins."""
    signing_keys._get_private_key.cache_clear()
    signing_keys._keys.clear()
    signing_keys._loaded_at = time.monotonic() - 3600


@each_fault_mode
def test_a_refresh_makes_one_chain(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode) -> None:
    def prepare() -> FaultScenario:
        fake_aws.reset()
        client = users.create_client()

        def deliver() -> Response:
            return Client().post("/auth/refresh", {"refreshToken": client.refresh_token})

        def check(again: Response) -> None:
            data = again.data()
            assert Client(data["accessToken"]).get("/auth/me").status == 200
            assert Client().post("/auth/refresh", {"refreshToken": data["refreshToken"]}).status == 200
            assert fake_aws.find_rows("audit", action="session.reuse") == []

        return FaultScenario(deliver, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize(("path", "action"), [("logout", "session.end"), ("logout-all", "session.end-all")])
def test_a_logout_is_done_and_told_once(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, path: str, action: str
) -> None:
    def prepare() -> FaultScenario:
        fake_aws.reset()
        client = users.create_client()

        def check(again: Response) -> None:
            assert again.status in (204, 401)
            assert client.get("/auth/me").status == 401
            assert successful_actions(fake_aws, client.user["id"]).count(action) == 1

        return FaultScenario(lambda: client.post(f"/auth/{path}"), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_reuse_ends_a_family_once(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode) -> None:
    def prepare() -> FaultScenario:
        fake_aws.reset()
        client = users.create_client()
        tokens = [client.refresh_token]
        for _ in range(2):
            data = Client().post("/auth/refresh", {"refreshToken": tokens[-1]}).data()
            tokens.append(data["refreshToken"])

        def deliver() -> Response:
            return Client().post("/auth/refresh", {"refreshToken": tokens[0]})

        def check(again: Response) -> None:
            assert again.status == 401
            assert Client().post("/auth/refresh", {"refreshToken": tokens[-1]}).status == 401
            assert len(fake_aws.find_rows("audit", action="session.reuse")) == 1

        return FaultScenario(deliver, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_a_project_is_made_once_for_a_key(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode) -> None:
    def prepare() -> FaultScenario:
        fake_aws.reset()
        client = users.create_client()

        def deliver() -> Response:
            return client.post("/projects", {"name": "x"}, headers={"idempotency-key": "key"})

        def check(again: Response) -> None:
            made = again.created()
            assert [each["id"] for each in client.get("/projects").data() if not each["personal"]] == [made["id"]]
            assert successful_actions(fake_aws, client.user["id"]).count("projects.create") == 2

        return FaultScenario(deliver, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize("path", ["/auth/me", "/projects", "/files", "/.well-known/jwks.json"])
def test_a_read_says_that_a_store_is_silent(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, path: str
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()

        return FaultScenario(
            lambda: client.get(path), lambda again: None if again.status == 200 else pytest.fail(again.text)
        )

    assert_survives_faults(monkeypatch, mode, prepare)
