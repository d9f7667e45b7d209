"""Users: made, changed and deleted by administrators, who never do more than they could do themselves (Z4, S4)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from holdall.accounts.model import CreateUserRequest, UpdateUserRequest
from holdall.accounts.service import security, users
from holdall.iam.model import User
from holdall.iam.service import users as everybody
from holdall.platform import ids
from holdall.platform.caller import Caller, IdempotencyKey
from holdall.platform.errors import Conflict
from tests.support import users as people
from tests.support.admins import AdminFactory, make_superuser_caller
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.faults import interleave
from tests.support.mailbox import receive_emails

UNKNOWN_USER_ID = "0" * 26
NEW_PASSWORD = "another horse battery"


@pytest.fixture
def admin(admins: AdminFactory) -> Client:
    return admins.create_user("admin", "user")


def user_payload(*roles: str, **kwargs: Any) -> dict[str, Any]:
    return {"email": people.unique_email(), "password": people.PASSWORD, "roles": list(roles or ("user",)), **kwargs}


def put_user(client: Client, user_id: str, **body: Any) -> Response:
    return client.request("PUT", f"/users/{user_id}", body)


def count_holders(fake_aws: FakeAws, role: str = "superuser") -> int:
    (row,) = fake_aws.find_rows("main", pk=f"ROLE#{role}")
    return int(row["holder_count"])


def audit_actions(fake_aws: FakeAws, **values: Any) -> list[tuple[str, str]]:
    return [(row["action"], row["outcome"]) for row in fake_aws.find_rows("audit", **values)]


def test_an_administrator_makes_an_account_that_can_log_in(admin: Client, fake_aws: FakeAws) -> None:
    asked = user_payload(name="Ada")
    made = admin.post("/users", asked).created()

    assert (made["email"], made["name"], made["roles"], made["status"]) == (asked["email"], "Ada", ["user"], "active")
    client = people.sign_in(asked["email"])
    assert [each["personal"] for each in client.get("/projects").data()] == [True]
    assert ("users.create", "success") in audit_actions(fake_aws, actor=admin.user["id"], target=made["id"])
    assert audit_actions(fake_aws, actor=admin.user["id"], target="user") == [("roles.grant", "success")]


def test_an_account_may_begin_without_any_role(admin: Client) -> None:
    made = admin.post("/users", {**user_payload(), "roles": []}).created()

    assert made["roles"] == []
    assert people.sign_in(made["email"]).post("/projects", {"name": "x"}).status == 403


def test_without_a_password_the_owner_is_invited(admin: Client, anonymous: Client, fake_aws: FakeAws) -> None:
    asked = {**user_payload(), "password": None}
    made = admin.post("/users", asked).created()
    (letter,) = receive_emails(fake_aws)

    assert (letter["kind"], letter["to"]) == ("invitation", asked["email"])
    answer = {"token": letter["detail"], "password": people.PASSWORD}
    assert anonymous.post("/auth/accept-invitation", answer).data()["user"]["id"] == made["id"]


def test_who_was_invited_may_be_asked_again_until_they_come(
    admin: Client, anonymous: Client, fake_aws: FakeAws
) -> None:
    asked = {**user_payload(), "password": None}
    made = admin.post("/users", asked).created()

    assert admin.post("/users", asked).created() == made
    first, second = receive_emails(fake_aws)
    assert admin.post("/users", {**asked, "roles": ["admin"]}).problem()["code"] == "email_taken"
    assert admin.post("/users", {**asked, "password": NEW_PASSWORD}).problem()["code"] == "email_taken"
    link = {"password": people.PASSWORD}
    assert anonymous.post("/auth/accept-invitation", {**link, "token": first["detail"]}).status == 401
    assert anonymous.post("/auth/accept-invitation", {**link, "token": second["detail"]}).status == 200
    assert admin.post("/users", asked).problem()["code"] == "email_taken"


@pytest.mark.parametrize("password", [people.PASSWORD, None])
def test_one_key_makes_one_account(admin: Client, fake_aws: FakeAws, password: str | None) -> None:
    asked, key = {**user_payload(), "password": password}, {"idempotency-key": "key"}
    made = admin.post("/users", asked, headers=key).created()

    assert admin.post("/users", asked, headers=key).created() == made
    assert len(receive_emails(fake_aws)) == (password is None)
    reused = admin.post("/users", {**asked, "name": "Other"}, headers=key).problem()
    assert reused["code"] == "idempotency_key_reused"


def test_of_two_who_ask_again_with_one_key_at_once_one_letter_tells(admin: Client, fake_aws: FakeAws) -> None:
    asked = {**user_payload(), "password": None}
    made = admin.post("/users", asked).created()
    receive_emails(fake_aws)
    once = IdempotencyKey(ids.sha256_hex(f"{admin.user['id']} /api/v1/users key"), ids.sha256_hex(json.dumps(asked)))
    faster = replace(make_superuser_caller(admin), idempotency_key=once)
    with interleave("GetItem", lambda: users.create(faster, CreateUserRequest.model_validate(asked))) as done:
        answer = admin.post("/users", asked, headers={"idempotency-key": "key"})

    assert answer.created() == made
    assert [each.id for each in done if isinstance(each, User)] == [made["id"]]
    assert [letter["to"] for letter in receive_emails(fake_aws)] == [asked["email"]]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"password": "password1"}, "/password"),
        ({"password": "short"}, "/password"),
        ({"email": "nobody"}, "/email"),
        ({"roles": ["user", "nothing"]}, "/roles/1"),
        ({"roles": ["user", "user"]}, "/roles"),
        ({"roles": ["User"]}, "/roles/0"),
        ({"roles": "user"}, "/roles"),
        ({"status": "disabled"}, "/status"),
        ({"id": UNKNOWN_USER_ID}, "/id"),
    ],
)
def test_what_is_no_account_is_refused(admin: Client, wrong: dict[str, Any], pointer: str) -> None:
    refused = admin.post("/users", {**user_payload(), **wrong})

    assert refused.status == 422
    assert refused.problem()["errors"][0]["pointer"] == pointer


def test_an_address_is_taken_once(admin: Client, client: Client) -> None:
    refused = admin.post("/users", {**user_payload(), "email": client.user["email"].upper()})

    assert (refused.status, refused.problem()["code"]) == (409, "email_taken")


def test_no_account_is_made_with_more_than_its_maker_holds(
    admins: AdminFactory, admin: Client, fake_aws: FakeAws
) -> None:
    beyond = admins.create_role("tasks.run")
    for roles, code in (([beyond], "beyond_own_rights"), (["superuser"], "operator_only")):
        asked = {**user_payload(), "roles": roles}
        refused = admin.post("/users", asked)
        assert (refused.status, refused.problem()["code"]) == (403, code)
        assert fake_aws.find_rows("main", record_type="user", email=asked["email"]) == []
    assert audit_actions(fake_aws, actor=admin.user["id"], target="users") == [("users.create", "denied")] * 2


def test_nobody_is_made_a_superuser_by_http(superuser: Client, client: Client) -> None:
    created = superuser.post("/users", user_payload("superuser"))
    granted = superuser.post(f"/users/{client.user['id']}/roles", {"role": "superuser"})

    for refused in (created, granted):
        assert (refused.status, refused.problem()["code"]) == (403, "operator_only")
    assert client.get("/users/me").data()["roles"] == ["user"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/users", None),
        ("POST", "/users", {"email": "new@example.test", "roles": []}),
        ("GET", "/users/{id}", None),
        ("PUT", "/users/{id}", {"name": "Other"}),
        ("DELETE", "/users/{id}", None),
        ("POST", "/users/{id}/roles", {"role": "user"}),
        ("DELETE", "/users/{id}/roles/user", None),
    ],
)
def test_users_are_no_business_of_users(client: Client, stranger: Client, method: str, path: str, body: Any) -> None:
    for user_id in (client.user["id"], stranger.user["id"], UNKNOWN_USER_ID):
        assert client.request(method, path.format(id=user_id), body).problem()["code"] == "forbidden"


def test_users_are_listed_newest_first_in_both_directions(admin: Client, fake_aws: FakeAws) -> None:
    made = [people.sign_up() for _ in range(5)]
    every = [row["id"] for row in fake_aws.find_rows("main", record_type="user")]
    first = admin.get("/users?limit=3").json()
    second = admin.get(f"/users?limit=3&cursor={first['pagination']['next']}").json()
    back = admin.get(f"/users?limit=3&cursor={second['pagination']['prev']}").json()

    assert first["data"] == made[:1:-1]
    assert [each["id"] for each in [*first["data"], *second["data"]]] == sorted(every, reverse=True)[:6]
    assert back["data"] == first["data"]


def test_who_was_deleted_is_neither_listed_nor_there(admin: Client, client: Client) -> None:
    gone = client.user["id"]
    assert admin.delete(f"/users/{gone}").status == 204

    assert gone not in [each["id"] for each in admin.get("/users?limit=100").data()]
    asks: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PUT", "", {"name": "Other"}),
        ("DELETE", "", None),
        ("POST", "/roles", {"role": "user"}),
        ("DELETE", "/roles/user", None),
    ]
    answers = [
        admin.request(method, f"/users/{user_id}{path}", body).problem()
        for user_id in (gone, UNKNOWN_USER_ID, "x", "x" * 3000, "%00", "myself")
        for method, path, body in asks
    ]
    assert {(each["status"], each["code"], each["detail"]) for each in answers} == {
        (404, "not_found", answers[0]["detail"])
    }


def test_a_name_is_changed_and_what_is_not_said_stays(admin: Client, client: Client, fake_aws: FakeAws) -> None:
    user_id = client.user["id"]

    assert put_user(admin, user_id, name="Ada").data() == {**client.user, "name": "Ada"}
    assert put_user(admin, user_id).data() == {**client.user, "name": "Ada"}
    assert admin.get(f"/users/{user_id}").data()["name"] == "Ada"
    assert audit_actions(fake_aws, actor=admin.user["id"], target=user_id) == [("users.update", "success")]


@pytest.mark.parametrize(
    "wrong", [{"status": "deleted"}, {"roles": ["admin"]}, {"email": "a@example.test"}, {"name": ""}]
)
def test_what_is_not_to_be_changed_is_refused(admin: Client, client: Client, wrong: dict[str, Any]) -> None:
    assert put_user(admin, client.user["id"], **wrong).status == 422


def test_who_is_disabled_is_out_at_once_and_stays_out_of_old_sessions(admin: Client, client: Client) -> None:
    login = {"email": client.user["email"], "password": people.PASSWORD}
    assert put_user(admin, client.user["id"], status="disabled").data()["status"] == "disabled"

    assert client.get("/auth/me").problem()["code"] == "invalid_token"
    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 401
    assert Client().post("/auth/login", login).problem()["code"] == "invalid_credentials"
    assert put_user(admin, client.user["id"], status="active").data()["status"] == "active"
    assert client.get("/auth/me").problem()["code"] == "invalid_token"
    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 401
    assert people.sign_in(client.user["email"]).get("/auth/me").status == 200


def test_a_deletion_is_one_as_if_they_had_left(
    admin: Client, client: Client, project: dict[str, Any], fake_aws: FakeAws
) -> None:
    receive_emails(fake_aws)
    assert admin.delete(f"/users/{client.user['id']}").status == 204

    (letter,) = receive_emails(fake_aws)
    assert (letter["kind"], letter["to"]) == ("changed", client.user["email"])
    assert "administrator" in letter["detail"]
    assert client.get("/auth/me").status == 401
    for project_id in (project["id"], people.personal_project_id(client)):
        (row,) = fake_aws.find_rows("main", record_type="project", id=project_id)
        assert row["status"] == "deleted"
    (user,) = fake_aws.find_rows("main", record_type="user", id=client.user["id"])
    assert (user["status"], user["name"], user["email"], user["roles"]) == ("deleted", "", "", [])
    again = Client().post("/auth/sign-up", {"email": client.user["email"], "password": people.PASSWORD})
    assert again.problem()["code"] == "email_taken"


def test_ones_own_account_is_left_by_the_way_that_asks_for_the_password(admin: Client) -> None:
    assert admin.delete(f"/users/{admin.user['id']}").problem()["code"] == "own_account"
    assert admin.get("/auth/me").status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "action"),
    [
        ("PUT", "/users/{id}", {"name": "Other"}, "users.update"),
        ("PUT", "/users/{id}", {"status": "disabled"}, "users.update"),
        ("DELETE", "/users/{id}", None, "users.delete"),
        ("DELETE", "/users/{id}/roles/superuser", None, "users.revoke"),
        ("DELETE", "/users/{id}/roles/nothing", None, "users.revoke"),
    ],
)
def test_nobody_lays_hands_on_who_holds_more(
    superuser: Client, admin: Client, fake_aws: FakeAws, method: str, path: str, body: Any, action: str
) -> None:
    user_id = superuser.user["id"]
    refused = admin.request(method, path.format(id=user_id), body)

    assert (refused.status, refused.problem()["code"]) == (403, "beyond_own_rights")
    assert audit_actions(fake_aws, actor=admin.user["id"], target=user_id) == [(action, "denied")]
    assert superuser.get("/auth/me").data()["roles"] == ["superuser"]


def test_a_helper_reaches_users_but_no_administrator(admins: AdminFactory, admin: Client, client: Client) -> None:
    helper = admins.create_user_with_permissions("users.read", "users.update", "projects.create")

    assert put_user(helper, client.user["id"], name="Ada").status == 200
    assert put_user(helper, admin.user["id"], name="Ada").problem()["code"] == "beyond_own_rights"


def test_a_role_counts_from_the_next_request_and_no_longer_than_it_is_held(
    admin: Client, client: Client, fake_aws: FakeAws
) -> None:
    assert client.get("/users").status == 403
    roles = f"/users/{client.user['id']}/roles"

    assert admin.post(roles, {"role": "admin"}).data()["roles"] == ["user", "admin"]
    assert client.get("/users").status == 200
    assert admin.delete(f"{roles}/admin").status == 204
    assert client.get("/users").status == 403
    assert admin.delete(f"{roles}/admin").problem()["code"] == "not_found"
    assert admin.delete(f"{roles}/user").status == 204
    assert client.get("/users/me").data()["roles"] == []
    about = audit_actions(fake_aws, actor=admin.user["id"], target=client.user["id"])
    assert sorted(about) == [("users.grant", "success")] + [("users.revoke", "success")] * 2
    about_role = audit_actions(fake_aws, actor=admin.user["id"], target="admin")
    assert sorted(about_role) == [("roles.grant", "success"), ("roles.revoke", "success")]


def test_a_role_that_is_held_is_given_again_without_a_trace(
    admins: AdminFactory, client: Client, fake_aws: FakeAws
) -> None:
    role, path = admins.create_role("users.read"), f"/users/{client.user['id']}/roles"
    first = admins.superuser.post(path, {"role": role}).data()

    assert admins.superuser.post(path, {"role": role}).data() == first
    assert count_holders(fake_aws, role) == 1
    assert len(audit_actions(fake_aws, target=client.user["id"], action="users.grant")) == 1


def test_a_grant_with_a_key_is_done_once(admins: AdminFactory, client: Client, fake_aws: FakeAws) -> None:
    role, path = admins.create_role("users.read"), f"/users/{client.user['id']}/roles"
    key = {"idempotency-key": "key"}
    first = admins.superuser.post(path, {"role": role}, headers=key).data()
    assert admins.superuser.post(path, {"role": role}, headers=key).data() == first
    admins.superuser.delete(f"{path}/{role}")

    assert admins.superuser.post(path, {"role": role}, headers=key).data() == first
    assert client.get("/users/me").data()["roles"] == ["user"]
    assert admins.superuser.post(path, {"role": "admin"}, headers=key).problem()["code"] == "idempotency_key_reused"
    assert count_holders(fake_aws, role) == 0


def test_nobody_gives_a_role_that_holds_more_than_they_do(
    admins: AdminFactory, admin: Client, client: Client, fake_aws: FakeAws
) -> None:
    beyond, path = admins.create_role("users.read", "tasks.run"), f"/users/{client.user['id']}/roles"
    refused = admin.post(path, {"role": beyond})

    assert (refused.status, refused.problem()["code"]) == (403, "beyond_own_rights")
    assert audit_actions(fake_aws, actor=admin.user["id"], target=client.user["id"]) == [("users.grant", "denied")]
    assert admin.post(path, {"role": "nothing"}).problem()["errors"][0]["pointer"] == "/role"
    assert client.get("/users/me").data()["roles"] == ["user"]


def test_a_user_holds_twenty_roles_at_the_most(admins: AdminFactory, client: Client) -> None:
    path = f"/users/{client.user['id']}/roles"
    for _ in range(19):
        admins.superuser.post(path, {"role": admins.create_role("users.read")}).data()

    assert admins.superuser.post(path, {"role": "admin"}).problem()["code"] == "too_many_roles"
    assert admins.superuser.delete(f"/users/{client.user['id']}").status == 204


SUPERUSER_REMOVALS = [
    ("PUT", "/users/{id}", {"status": "disabled"}),
    ("DELETE", "/users/{id}/roles/superuser", None),
    ("DELETE", "/users/me", {"password": people.PASSWORD}),
]


@pytest.mark.parametrize(("method", "path", "body"), SUPERUSER_REMOVALS)
def test_the_last_superuser_stays(superuser: Client, fake_aws: FakeAws, method: str, path: str, body: Any) -> None:
    refused = superuser.request(method, path.format(id=superuser.user["id"]), body)

    assert (refused.status, refused.problem()["code"]) == (409, "last_superuser")
    assert [each["status"] for each in superuser.get("/projects").data()] == ["active"]
    assert superuser.get("/users").status == 200
    assert count_holders(fake_aws) == 1


@pytest.mark.parametrize(("method", "path", "body"), [*SUPERUSER_REMOVALS, ("DELETE", "/users/{id}", None)])
def test_of_two_superusers_one_may_go(superuser: Client, fake_aws: FakeAws, method: str, path: str, body: Any) -> None:
    other = people.create_superuser()
    assert count_holders(fake_aws) == 2
    asks = superuser if path != "/users/me" else other

    assert asks.request(method, path.format(id=other.user["id"]), body).status < 300
    assert count_holders(fake_aws) == 1
    assert superuser.delete(f"/users/{superuser.user['id']}/roles/superuser").problem()["code"] == "last_superuser"


def test_only_active_superusers_are_counted(superuser: Client, fake_aws: FakeAws) -> None:
    other = people.create_superuser()
    put_user(superuser, other.user["id"], status="disabled").data()
    assert count_holders(fake_aws) == 1
    put_user(superuser, other.user["id"], status="active").data()
    assert count_holders(fake_aws) == 2
    put_user(superuser, other.user["id"], status="disabled").data()

    assert superuser.delete(f"/users/{other.user['id']}/roles/superuser").status == 204
    assert count_holders(fake_aws) == 1
    put_user(superuser, other.user["id"], status="active").data()
    assert count_holders(fake_aws) == 1


def test_a_deleted_user_holds_no_role_any_more(admins: AdminFactory, fake_aws: FakeAws) -> None:
    role = admins.create_role("users.read")
    holder = admins.create_user(role)
    put_user(admins.superuser, holder.user["id"], status="disabled").data()
    assert count_holders(fake_aws, role) == 1

    assert admins.superuser.delete(f"/users/{holder.user['id']}").status == 204
    assert count_holders(fake_aws, role) == 0
    assert admins.superuser.delete(f"/roles/{role}").status == 204


def _revoke(caller: Caller, user_id: str) -> None:
    users.revoke_role(caller, user_id, "superuser")


def _disable(caller: Caller, user_id: str) -> None:
    users.update(caller, user_id, UpdateUserRequest(status="disabled"))


@pytest.mark.parametrize("faster", [_revoke, _disable, users.delete])
@pytest.mark.parametrize(("method", "path", "body"), [*SUPERUSER_REMOVALS, ("DELETE", "/users/{id}", None)])
def test_two_superusers_who_remove_each_other_at_once_leave_one(
    superuser: Client, fake_aws: FakeAws, faster: Any, method: str, path: str, body: Any
) -> None:
    other = people.create_superuser()
    about = superuser if path == "/users/me" else other
    with interleave("TransactWriteItems", lambda: faster(make_superuser_caller(other), superuser.user["id"])):
        slower = superuser.request(method, path.format(id=about.user["id"]), body)

    assert slower.status == 409
    assert count_holders(fake_aws) == 1
    active = [
        row["id"]
        for row in fake_aws.find_rows("main", record_type="user", status="active")
        if "superuser" in row["roles"]
    ]
    assert active == [other.user["id"]]
    assert [each["status"] for each in other.get("/projects").data()] == ["active"]


def test_a_role_that_is_given_while_its_holder_goes_leaves_the_count_right(
    admins: AdminFactory, client: Client, fake_aws: FakeAws
) -> None:
    role, caller, user_id = admins.create_role("users.read"), make_superuser_caller(admins.superuser), client.user["id"]
    with interleave("TransactWriteItems", lambda: users.delete(caller, user_id)):
        late = admins.superuser.post(f"/users/{user_id}/roles", {"role": role})
    assert late.problem()["code"] == "user_changed"
    assert count_holders(fake_aws, role) == 0

    other = people.create_client()
    known = everybody.find_active(other.user["id"])
    assert known
    users.grant_role(caller, other.user["id"], role)
    with pytest.raises(Conflict):
        security.delete_account(caller, known, "it was deleted")
    assert count_holders(fake_aws, role) == 1
