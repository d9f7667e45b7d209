"""Faults during sign-up, login and refresh: one account per address, one chain of tokens, one audit entry per action."""

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
def test_sign_up_creates_one_complete_account(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        email = users.unique_email()

        def send() -> Response:
            return Client().post("/auth/sign-up", {"email": email, "password": users.PASSWORD})

        def check(response: Response) -> None:
            assert response.status in (201, 409)
            (user,) = fake_aws.find_rows("main", record_type="user", email=email)
            assert len(fake_aws.find_rows("main", record_type="unique", user_id=user["id"])) == 1
            assert successful_actions(fake_aws, user["id"]) == ["accounts.sign_up", "projects.create"]
            client = users.sign_in(email)
            assert [each["personal"] for each in client.get("/projects").data()] == [True]

        return FaultScenario(send, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_login_is_audited_once_per_session(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode) -> None:
    def prepare() -> FaultScenario:
        user = users.sign_up()

        def send() -> Response:
            return Client().post("/auth/login", {"email": user["email"], "password": users.PASSWORD})

        def check(response: Response) -> None:
            assert Client(response.data()["accessToken"]).get("/auth/me").status == 200
            sessions = fake_aws.find_rows("main", record_type="session", user_id=user["id"])
            assert successful_actions(fake_aws, user["id"]).count("sessions.create") == len(sessions)

        return FaultScenario(send, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_first_login_creates_one_signing_key_that_every_function_knows(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        user = users.sign_up()
        for row in fake_aws.find_rows("main", record_type="public-key"):
            fake_aws.dynamodb.Table("main").delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
            fake_aws.ssm.delete_parameter(Name=f"/holdall/test/signing-key-{row['number']}")
        clear_key_cache()

        def send() -> Response:
            return Client().post("/auth/login", {"email": user["email"], "password": users.PASSWORD})

        def check(response: Response) -> None:
            token = response.data()["accessToken"]
            clear_key_cache()  # as in another function, which has the published keys only
            assert Client(token).get("/auth/me").status == 200

        return FaultScenario(send, check)

    users.create_client()
    assert_survives_faults(monkeypatch, mode, prepare)
    clear_key_cache()


def clear_key_cache() -> None:
    signing_keys._get_private_key.cache_clear()
    signing_keys._cache.keys.clear()
    signing_keys._cache.loaded_at = time.monotonic() - 3600


@each_fault_mode
def test_refresh_makes_one_chain(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()

        def send() -> Response:
            return Client().post("/auth/refresh", {"refreshToken": client.refresh_token})

        def check(response: Response) -> None:
            data = response.data()
            assert Client(data["accessToken"]).get("/auth/me").status == 200
            assert Client().post("/auth/refresh", {"refreshToken": data["refreshToken"]}).status == 200
            assert fake_aws.find_rows("audit", action="sessions.reuse_detected") == []

        return FaultScenario(send, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize(("path", "action"), [("logout", "sessions.revoke"), ("logout-all", "sessions.revoke_all")])
def test_logout_is_audited_once(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, path: str, action: str
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()

        def check(response: Response) -> None:
            assert response.status in (204, 401)
            assert client.get("/auth/me").status == 401
            assert successful_actions(fake_aws, client.user["id"]).count(action) == 1

        return FaultScenario(lambda: client.post(f"/auth/{path}"), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_reuse_revokes_the_family_once(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()
        tokens = [client.refresh_token]
        for _ in range(2):
            data = Client().post("/auth/refresh", {"refreshToken": tokens[-1]}).data()
            tokens.append(data["refreshToken"])

        def send() -> Response:
            return Client().post("/auth/refresh", {"refreshToken": tokens[0]})

        def check(response: Response) -> None:
            assert response.status == 401
            assert Client().post("/auth/refresh", {"refreshToken": tokens[-1]}).status == 401
            assert len(fake_aws.find_rows("audit", action="sessions.reuse_detected")) == 1

        return FaultScenario(send, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_project_is_created_once_per_idempotency_key(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()

        def send() -> Response:
            return client.post("/projects", {"name": "x"}, headers={"idempotency-key": "key"})

        def check(response: Response) -> None:
            project = response.created()
            assert [each["id"] for each in client.get("/projects").data() if not each["personal"]] == [project["id"]]
            assert successful_actions(fake_aws, client.user["id"]).count("projects.create") == 2

        return FaultScenario(send, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize("path", ["/auth/me", "/projects", "/files", "/.well-known/jwks.json"])
def test_read_fails_with_503_if_a_store_does_not_respond(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, path: str
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()

        return FaultScenario(
            lambda: client.get(path), lambda response: None if response.status == 200 else pytest.fail(response.text)
        )

    assert_survives_faults(monkeypatch, mode, prepare)
