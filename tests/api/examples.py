"""What is right for each route of the contract: ids that are there, queries and bodies that are taken."""

import json
from typing import Any

import pyotp

from tests.api import members, people, post
from tests.api.client import Client
from tests.api.cloud import Cloud, announce
from tests.api.conftest import Installed
from tests.api.staff import Staff, new_permission, new_role

PROVIDER = "github"
CALLBACK = "GET /auth/oauth/{provider}/callback"


def good(client: Client, cloud: Cloud, installed: Installed) -> dict[str, Any]:
    """By route: what makes it say yes to this client."""
    made = cloud.upload(client, b"x", filename="a.txt", contentType="text/plain")
    (upload,) = cloud.rows("main", record_kind="upload")
    other = people.log_in(client.user["email"])
    session_id = other.refresh_token.split("_")[1]
    room = _of_a_room(client, cloud)
    install_provider(cloud, installed)
    return {
        "path": {
            "projectId": people.personal_project(client),
            "fileId": made["fileId"],
            "asset": "start.js",
            "sessionId": session_id,
            "provider": PROVIDER,
            **_of_rights(client),
        },
        "inside": room,
        "query": {CALLBACK: "?state=nobody"},
        "body": {
            "POST /projects": {"name": "x"},
            "POST /files/init-upload": announce(b"x"),
            "POST /files/commit": {"uploadId": upload["id"]},
            "POST /auth/login": {"email": client.user["email"], "password": people.PASSWORD},
            "POST /auth/refresh": {"refreshToken": client.refresh_token},
            "POST /auth/change-password": {"currentPassword": people.PASSWORD, "newPassword": "another horse battery"},
            "POST /auth/change-email": {"email": people.new_address(), "password": people.PASSWORD},
            "POST /auth/forgot-password": {"email": client.user["email"]},
            "POST /auth/verify-email/resend": {"email": people.new_address()},
            "PUT /users/me": {"name": "Ada"},
            "DELETE /users/me": {"password": people.PASSWORD},
            "POST /users": {"email": people.new_address(), "password": people.PASSWORD, "roles": ["user"]},
            "PUT /users/{userId}": {"name": "Ada"},
            "POST /users/{userId}/roles": {"role": "admin"},
            "POST /roles": {"name": new_role(), "permissions": ["users.read"]},
            "PUT /roles/{name}": {"permissions": ["users.read"]},
            "POST /permissions": {"name": new_permission()},
            "POST /authz/explain": {"permission": "users.read"},
            **_of_members(client, cloud, room["userId"]),
            **_by_letter(client, cloud, installed),
            **_by_code(client),
        },
    }


def install_provider(cloud: Cloud, installed: Installed) -> None:
    """A provider that the stage knows and nobody asks."""
    installed(OAUTH_PROVIDERS=json.dumps([{"name": PROVIDER, "kind": "github"}]))
    keys = json.dumps({"clientId": "id", "clientSecret": "secret"})
    cloud.ssm.put_parameter(Name=f"/holdall/test/oauth-{PROVIDER}", Value=keys, Type="SecureString", Overwrite=True)


def _of_a_room(client: Client, cloud: Cloud) -> dict[str, str]:
    """What paths below a project name: a project that is not personal, with a member, a key and an invitation."""
    room = members.shared(client)
    return {
        "projectId": room,
        "userId": members.joined(client, room, cloud, "editor").user["id"],
        "keyId": members.program(client, room).id,
        "invitationId": members.invite(client, room, people.new_address())["id"],
    }


def _of_members(client: Client, cloud: Cloud, member_id: str) -> dict[str, Any]:
    host = people.signed_in()
    return {
        "PUT /projects/{projectId}": {"name": "x"},
        "PATCH /projects/{projectId}/members/{userId}": {"role": "viewer"},
        "POST /projects/{projectId}/transfer": {"userId": member_id},
        "POST /projects/{projectId}/invitations": {"email": people.new_address(), "role": "viewer"},
        "POST /projects/{projectId}/keys": {"name": "Robot", "scopes": ["files.read"]},
        "PATCH /projects/{projectId}/keys/{keyId}": {"enabled": False},
        "POST /invitations/accept": {"token": members.invited(host, members.shared(host), cloud, client.user["email"])},
    }


def _of_rights(client: Client) -> dict[str, str]:
    """Somebody with a role; a role and a permission that nobody holds."""
    staff = Staff(client)
    user, role = people.sign_up(), staff.role("users.read")
    return {"userId": user["id"], "role": "user", "name": role, "permission": staff.permission()}


def _by_letter(client: Client, cloud: Cloud, installed: Installed) -> dict[str, Any]:
    post.posted(cloud)
    unknown = {"email": people.new_address(), "password": people.PASSWORD}
    installed(EMAIL_VERIFICATION="on")
    Client().post("/auth/sign-up", unknown).data()
    verify = post.token(cloud, "verify")
    installed(EMAIL_VERIFICATION="off")
    client.post("/auth/forgot-password", {"email": client.user["email"]}).data()
    reset = post.token(cloud, "reset")
    client.post("/auth/change-email", {"email": people.new_address(), "password": people.PASSWORD}).data()
    confirm = post.token(cloud, "email-change")
    invited = post.invitation(people.new_address())
    return {
        "POST /auth/sign-up": {"email": people.new_address(), "password": people.PASSWORD},
        "POST /auth/verify-email": {"token": verify, "password": people.PASSWORD},
        "POST /auth/reset-password": {"token": reset, "password": "another horse battery"},
        "POST /auth/confirm-email": {"token": confirm},
        "POST /auth/accept-invitation": {"token": invited, "password": "another horse battery"},
    }


def _by_code(client: Client) -> dict[str, Any]:
    guarded = people.signed_in()
    post.second_factor(guarded)
    code = guarded.post("/auth/2fa/recovery-codes").data()["recoveryCodes"][0]
    token = post.asked_for_a_code(guarded.user["email"])
    seed = client.post("/auth/2fa/setup").data()["secret"]
    return {
        "POST /auth/2fa/verify": {"mfaToken": token, "recoveryCode": code},
        "POST /auth/2fa/enable": {"code": pyotp.TOTP(seed).now()},
    }
