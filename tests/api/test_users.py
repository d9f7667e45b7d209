"""Administration of users, by administrators who never give or change more permissions than they have (Z4, S4)."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from holdall.accounts.model import CreateUserRequest, UpdateUserRequest
from holdall.accounts.service import security, users
from holdall.iam.model import User
from holdall.iam.service import users as iam_users
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


def test_administrator_creates_a_user_who_can_log_in(admin: Client, fake_aws: FakeAws) -> None:
    body = user_payload(name="Ada")
    user = admin.post("/users", body).created()

    assert (user["email"], user["name"], user["roles"], user["status"]) == (body["email"], "Ada", ["user"], "active")
    client = people.sign_in(body["email"])
    assert [each["personal"] for each in client.get("/projects").data()] == [True]
    assert ("users.create", "success") in audit_actions(fake_aws, actor=admin.user["id"], target=user["id"])


def test_user_can_be_created_without_roles(admin: Client) -> None:
    user = admin.post("/users", {**user_payload(), "roles": []}).created()

    assert user["roles"] == []
    assert people.sign_in(user["email"]).post("/projects", {"name": "x"}).status == 403


def test_user_without_a_password_is_invited(admin: Client, anonymous: Client, fake_aws: FakeAws) -> None:
    body = {**user_payload(), "password": None}
    user = admin.post("/users", body).created()
    (invitation,) = receive_emails(fake_aws)

    assert (invitation["kind"], invitation["to"]) == ("account-invitation", body["email"])
    acceptance = {"token": invitation["token"], "password": people.PASSWORD}
    assert anonymous.post("/auth/accept-invitation", acceptance).data()["user"]["id"] == user["id"]


def test_invitation_can_be_sent_again_until_it_is_accepted(admin: Client, anonymous: Client, fake_aws: FakeAws) -> None:
    body = {**user_payload(), "password": None}
    user = admin.post("/users", body).created()

    assert admin.post("/users", body).created() == user
    first, second = receive_emails(fake_aws)
    assert admin.post("/users", {**body, "roles": ["admin"]}).problem()["code"] == "email_taken"
    assert admin.post("/users", {**body, "password": NEW_PASSWORD}).problem()["code"] == "email_taken"
    link = {"password": people.PASSWORD}
    assert anonymous.post("/auth/accept-invitation", {**link, "token": first["token"]}).status == 401
    assert anonymous.post("/auth/accept-invitation", {**link, "token": second["token"]}).status == 200
    assert admin.post("/users", body).problem()["code"] == "email_taken"


@pytest.mark.parametrize("password", [people.PASSWORD, None])
def test_idempotency_key_creates_one_user(admin: Client, fake_aws: FakeAws, password: str | None) -> None:
    body, key = {**user_payload(), "password": password}, {"idempotency-key": "key"}
    user = admin.post("/users", body, headers=key).created()

    assert admin.post("/users", body, headers=key).created() == user
    assert len(receive_emails(fake_aws)) == (password is None)
    reused = admin.post("/users", {**body, "name": "Other"}, headers=key).problem()
    assert reused["code"] == "idempotency_key_reused"


def test_idempotency_key_in_two_requests_at_once_sends_one_invitation(admin: Client, fake_aws: FakeAws) -> None:
    body = {**user_payload(), "password": None}
    user = admin.post("/users", body).created()
    receive_emails(fake_aws)
    idempotency_key = IdempotencyKey.create(admin.user["id"], "/api/v1/users", "key", json.dumps(body))
    faster = replace(make_superuser_caller(admin), idempotency_key=idempotency_key)
    with interleave("GetItem", lambda: users.create(faster, CreateUserRequest.model_validate(body))) as results:
        response = admin.post("/users", body, headers={"idempotency-key": "key"})

    assert response.created() == user
    assert [each.id for each in results if isinstance(each, User)] == [user["id"]]
    assert [invitation["to"] for invitation in receive_emails(fake_aws)] == [body["email"]]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"password": "password1"}, "/password"),
        ({"password": "short"}, "/password"),
        ({"email": "nonsense"}, "/email"),
        ({"roles": ["user", "nothing"]}, "/roles/1"),
        ({"roles": ["user", "user"]}, "/roles"),
        ({"roles": ["User"]}, "/roles/0"),
        ({"roles": "user"}, "/roles"),
        ({"status": "disabled"}, "/status"),
        ({"id": UNKNOWN_USER_ID}, "/id"),
    ],
)
def test_invalid_user_is_rejected(admin: Client, fields: dict[str, Any], pointer: str) -> None:
    response = admin.post("/users", {**user_payload(), **fields})

    assert response.status == 422
    assert response.problem()["errors"][0]["pointer"] == pointer


def test_address_belongs_to_one_user(admin: Client, client: Client) -> None:
    response = admin.post("/users", {**user_payload(), "email": client.user["email"].upper()})

    assert (response.status, response.problem()["code"]) == (409, "email_taken")


def test_user_cannot_be_created_with_more_permissions_than_the_caller(
    admins: AdminFactory, admin: Client, fake_aws: FakeAws
) -> None:
    role = admins.create_role("tasks.run")
    for roles, code in (([role], "permission_not_held"), (["superuser"], "operator_only")):
        body = {**user_payload(), "roles": roles}
        response = admin.post("/users", body)
        assert (response.status, response.problem()["code"]) == (403, code)
        assert fake_aws.find_rows("main", record_type="user", email=body["email"]) == []
    assert audit_actions(fake_aws, actor=admin.user["id"], target="users") == [("users.create", "denied")] * 2


def test_no_request_creates_a_superuser(superuser: Client, client: Client) -> None:
    created = superuser.post("/users", user_payload("superuser"))
    granted = superuser.post(f"/users/{client.user['id']}/roles", {"role": "superuser"})

    for response in (created, granted):
        assert (response.status, response.problem()["code"]) == (403, "operator_only")
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
def test_user_administration_requires_a_permission(
    client: Client, stranger: Client, method: str, path: str, body: Any
) -> None:
    for user_id in (client.user["id"], stranger.user["id"], UNKNOWN_USER_ID):
        assert client.request(method, path.format(id=user_id), body).problem()["code"] == "forbidden"


def test_users_are_listed_newest_first_in_both_directions(admin: Client, fake_aws: FakeAws) -> None:
    created = [people.sign_up() for _ in range(5)]
    every = [row["id"] for row in fake_aws.find_rows("main", record_type="user")]
    first = admin.get("/users?limit=3").json()
    second = admin.get(f"/users?limit=3&cursor={first['pagination']['next']}").json()
    back = admin.get(f"/users?limit=3&cursor={second['pagination']['prev']}").json()

    assert first["data"] == [{**user, "invited": False} for user in created[:1:-1]]
    assert [each["id"] for each in [*first["data"], *second["data"]]] == sorted(every, reverse=True)[:6]
    assert back["data"] == first["data"]


def test_user_is_found_by_the_address_in_any_case(admin: Client, client: Client) -> None:
    email = client.user["email"]

    for text in (email, email.upper(), f" {email}"):
        found = admin.get(f"/users?{urlencode({'email': text})}").json()
        assert [each["id"] for each in found["data"]] == [client.user["id"]]
        assert (found["pagination"]["hasNext"], found["pagination"]["hasPrev"]) == (False, False)
    for text in ("", "@", email[:-1], "x" * 254):
        assert admin.get(f"/users?{urlencode({'email': text})}").data() == []


def test_users_are_found_by_their_ids_in_pages_and_unknown_ones_are_left_out(admin: Client, client: Client) -> None:
    user_ids = [client.user["id"], admin.user["id"], *(people.sign_up()["id"] for _ in range(3))]
    query = urlencode({"id": [*user_ids, user_ids[0], UNKNOWN_USER_ID]}, doseq=True)
    first = admin.get(f"/users?limit=3&{query}").json()
    second = admin.get(f"/users?limit=3&{query}&cursor={first['pagination']['next']}").json()
    back = admin.get(f"/users?limit=3&{query}&cursor={second['pagination']['prev']}").json()

    expected = sorted(user_ids, reverse=True)
    assert [each["id"] for each in first["data"]] == [each["id"] for each in back["data"]] == expected[:3]
    assert [each["id"] for each in second["data"]] == expected[3:]
    assert (second["pagination"]["hasNext"], back["pagination"]["hasPrev"]) == (False, False)
    assert admin.delete(f"/users/{user_ids[0]}").status == 204
    assert [each["id"] for each in admin.get(f"/users?id={user_ids[0]}&id={user_ids[1]}").data()] == [user_ids[1]]


def test_look_up_of_users_that_no_list_answers_is_rejected(admin: Client) -> None:
    combined = admin.get(f"/users?id={UNKNOWN_USER_ID}&email=ada@example.test").problem()
    too_many = admin.get("/users?" + "&".join([f"id={UNKNOWN_USER_ID}"] * 101)).problem()

    assert (combined["status"], combined["code"]) == (422, "unsupported_combination")
    assert (too_many["status"], [each["pointer"] for each in too_many["errors"]]) == (422, ["query/id"])


def test_user_is_told_as_invited_until_they_can_sign_in(
    admin: Client, anonymous: Client, client: Client, fake_aws: FakeAws
) -> None:
    user = admin.post("/users", {**user_payload(), "password": None}).created()
    (invitation,) = receive_emails(fake_aws)

    def is_told_as_invited(user_id: str) -> set[bool]:
        listed = {each["id"]: each["invited"] for each in admin.get("/users").data()}
        return {listed[user_id], admin.get(f"/users/{user_id}").data()["invited"]}

    assert (is_told_as_invited(user["id"]), is_told_as_invited(client.user["id"])) == ({True}, {False})
    put_user(admin, user["id"], status="disabled").data()
    assert is_told_as_invited(user["id"]) == {False}
    put_user(admin, user["id"], status="active").data()
    anonymous.post("/auth/accept-invitation", {"token": invitation["token"], "password": people.PASSWORD}).data()
    assert is_told_as_invited(user["id"]) == {False}


def test_deleted_user_is_neither_listed_nor_found(admin: Client, client: Client) -> None:
    deleted_id, email = client.user["id"], client.user["email"]
    assert admin.delete(f"/users/{deleted_id}").status == 204

    assert admin.get(f"/users?{urlencode({'email': email})}").data() == []
    assert deleted_id not in [each["id"] for each in admin.get("/users?limit=100").data()]
    requests: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PUT", "", {"name": "Other"}),
        ("DELETE", "", None),
        ("POST", "/roles", {"role": "user"}),
        ("DELETE", "/roles/user", None),
    ]
    problems = [
        admin.request(method, f"/users/{user_id}{path}", body).problem()
        for user_id in (deleted_id, UNKNOWN_USER_ID, "x", "x" * 3000, "%00", "myself")
        for method, path, body in requests
    ]
    assert {(each["status"], each["code"], each["detail"]) for each in problems} == {
        (404, "not_found", problems[0]["detail"])
    }


def test_update_changes_only_the_given_fields(admin: Client, client: Client, fake_aws: FakeAws) -> None:
    user_id = client.user["id"]

    assert put_user(admin, user_id, name="Ada").data() == {**client.user, "name": "Ada"}
    assert put_user(admin, user_id).data() == {**client.user, "name": "Ada"}
    assert admin.get(f"/users/{user_id}").data()["name"] == "Ada"
    assert audit_actions(fake_aws, actor=admin.user["id"], target=user_id) == [("users.update", "success")]


@pytest.mark.parametrize(
    "fields", [{"status": "deleted"}, {"roles": ["admin"]}, {"email": "a@example.test"}, {"name": ""}]
)
def test_update_of_other_fields_is_rejected(admin: Client, client: Client, fields: dict[str, Any]) -> None:
    assert put_user(admin, client.user["id"], **fields).status == 422


def test_disabled_user_is_signed_out_at_once_and_old_sessions_stay_ended(admin: Client, client: Client) -> None:
    login = {"email": client.user["email"], "password": people.PASSWORD}
    assert put_user(admin, client.user["id"], status="disabled").data()["status"] == "disabled"

    assert client.get("/auth/me").problem()["code"] == "invalid_token"
    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 401
    assert Client().post("/auth/login", login).problem()["code"] == "invalid_credentials"
    assert put_user(admin, client.user["id"], status="active").data()["status"] == "active"
    assert client.get("/auth/me").problem()["code"] == "invalid_token"
    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 401
    assert people.sign_in(client.user["email"]).get("/auth/me").status == 200


def test_deletion_removes_what_the_deletion_of_the_own_account_removes(
    admin: Client, client: Client, project: dict[str, Any], fake_aws: FakeAws
) -> None:
    receive_emails(fake_aws)
    assert admin.delete(f"/users/{client.user['id']}").status == 204

    (notice,) = receive_emails(fake_aws)
    assert (notice["kind"], notice["to"]) == ("security-notice", client.user["email"])
    assert "administrator" in notice["change"]
    assert client.get("/auth/me").status == 401
    for project_id in (project["id"], people.personal_project_id(client)):
        (row,) = fake_aws.find_rows("main", record_type="project", id=project_id)
        assert row["status"] == "deleted"
    (user,) = fake_aws.find_rows("main", record_type="user", id=client.user["id"])
    assert (user["status"], user["name"], user["email"], user["roles"]) == ("deleted", "", "", [])
    sign_up = Client().post("/auth/sign-up", {"email": client.user["email"], "password": people.PASSWORD})
    assert sign_up.problem()["code"] == "email_taken"


def test_own_account_is_deleted_only_with_the_password(admin: Client) -> None:
    assert admin.delete(f"/users/{admin.user['id']}").problem()["code"] == "own_account"
    assert admin.get("/auth/me").status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "action"),
    [
        ("PUT", "/users/{id}", {"name": "Other"}, "users.update"),
        ("PUT", "/users/{id}", {"status": "disabled"}, "users.update"),
        ("DELETE", "/users/{id}", None, "users.delete"),
        ("DELETE", "/users/{id}/roles/superuser", None, "users.roles.remove"),
        ("DELETE", "/users/{id}/roles/nothing", None, "users.roles.remove"),
    ],
)
def test_user_with_more_permissions_cannot_be_changed(
    superuser: Client, admin: Client, fake_aws: FakeAws, method: str, path: str, body: Any, action: str
) -> None:
    user_id = superuser.user["id"]
    response = admin.request(method, path.format(id=user_id), body)

    assert (response.status, response.problem()["code"]) == (403, "permission_not_held")
    assert audit_actions(fake_aws, actor=admin.user["id"], target=user_id) == [(action, "denied")]
    assert superuser.get("/auth/me").data()["roles"] == ["superuser"]


def test_helper_can_change_users_but_no_administrator(admins: AdminFactory, admin: Client, client: Client) -> None:
    helper = admins.create_user_with_permissions("users.read", "users.update", "projects.create")

    assert put_user(helper, client.user["id"], name="Ada").status == 200
    assert put_user(helper, admin.user["id"], name="Ada").problem()["code"] == "permission_not_held"


def test_role_is_effective_from_the_next_request_and_until_it_is_revoked(
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
    actions = audit_actions(fake_aws, actor=admin.user["id"], target=client.user["id"])
    assert sorted(actions) == [("users.roles.add", "success")] + [("users.roles.remove", "success")] * 2


def test_second_grant_of_a_role_changes_nothing(admins: AdminFactory, client: Client, fake_aws: FakeAws) -> None:
    role, path = admins.create_role("users.read"), f"/users/{client.user['id']}/roles"
    first = admins.superuser.post(path, {"role": role}).data()

    assert admins.superuser.post(path, {"role": role}).data() == first
    assert count_holders(fake_aws, role) == 1
    assert len(audit_actions(fake_aws, target=client.user["id"], action="users.roles.add")) == 1


def test_idempotency_key_grants_a_role_once(admins: AdminFactory, client: Client, fake_aws: FakeAws) -> None:
    role, path = admins.create_role("users.read"), f"/users/{client.user['id']}/roles"
    key = {"idempotency-key": "key"}
    first = admins.superuser.post(path, {"role": role}, headers=key).data()
    assert admins.superuser.post(path, {"role": role}, headers=key).data() == first
    admins.superuser.delete(f"{path}/{role}")

    assert admins.superuser.post(path, {"role": role}, headers=key).data() == first
    assert client.get("/users/me").data()["roles"] == ["user"]
    assert admins.superuser.post(path, {"role": "admin"}, headers=key).problem()["code"] == "idempotency_key_reused"
    assert count_holders(fake_aws, role) == 0


def test_role_with_more_permissions_than_the_caller_cannot_be_granted(
    admins: AdminFactory, admin: Client, client: Client, fake_aws: FakeAws
) -> None:
    role, path = admins.create_role("users.read", "tasks.run"), f"/users/{client.user['id']}/roles"
    response = admin.post(path, {"role": role})

    assert (response.status, response.problem()["code"]) == (403, "permission_not_held")
    assert audit_actions(fake_aws, actor=admin.user["id"], target=client.user["id"]) == [("users.roles.add", "denied")]
    assert admin.post(path, {"role": "nothing"}).problem()["errors"][0]["pointer"] == "/role"
    assert client.get("/users/me").data()["roles"] == ["user"]


def test_user_has_at_most_twenty_roles(admins: AdminFactory, client: Client) -> None:
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
def test_last_superuser_stays(superuser: Client, fake_aws: FakeAws, method: str, path: str, body: Any) -> None:
    response = superuser.request(method, path.format(id=superuser.user["id"]), body)

    assert (response.status, response.problem()["code"]) == (409, "last_superuser")
    assert [each["status"] for each in superuser.get("/projects").data()] == ["active"]
    assert superuser.get("/users").status == 200
    assert count_holders(fake_aws) == 1


@pytest.mark.parametrize(("method", "path", "body"), [*SUPERUSER_REMOVALS, ("DELETE", "/users/{id}", None)])
def test_one_of_two_superusers_can_be_removed(
    superuser: Client, fake_aws: FakeAws, method: str, path: str, body: Any
) -> None:
    other = people.create_superuser()
    assert count_holders(fake_aws) == 2
    caller = superuser if path != "/users/me" else other

    assert caller.request(method, path.format(id=other.user["id"]), body).status < 300
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


def test_deleted_user_is_not_counted_as_a_holder(admins: AdminFactory, fake_aws: FakeAws) -> None:
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
def test_superusers_who_remove_each_other_at_once_leave_one(
    superuser: Client, fake_aws: FakeAws, faster: Any, method: str, path: str, body: Any
) -> None:
    other = people.create_superuser()
    target = superuser if path == "/users/me" else other
    with interleave("TransactWriteItems", lambda: faster(make_superuser_caller(other), superuser.user["id"])):
        response = superuser.request(method, path.format(id=target.user["id"]), body)

    assert response.status == 409
    assert count_holders(fake_aws) == 1
    active = [
        row["id"]
        for row in fake_aws.find_rows("main", record_type="user", status="active")
        if "superuser" in row["roles"]
    ]
    assert active == [other.user["id"]]
    assert [each["status"] for each in other.get("/projects").data()] == ["active"]


def test_grant_and_deletion_at_once_keep_the_count_of_holders(
    admins: AdminFactory, client: Client, fake_aws: FakeAws
) -> None:
    role, caller, user_id = admins.create_role("users.read"), make_superuser_caller(admins.superuser), client.user["id"]
    with interleave("TransactWriteItems", lambda: users.delete(caller, user_id)):
        response = admins.superuser.post(f"/users/{user_id}/roles", {"role": role})
    assert response.problem()["code"] == "user_changed"
    assert count_holders(fake_aws, role) == 0

    other = people.create_client()
    account = iam_users.find_active(other.user["id"])
    assert account
    users.grant_role(caller, other.user["id"], role)
    with pytest.raises(Conflict):
        security.delete_account(caller, account, "Your account was deleted.")
    assert count_holders(fake_aws, role) == 1
