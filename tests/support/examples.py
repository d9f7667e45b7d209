"""A valid request for each documented route: IDs that exist, and queries and bodies that are accepted."""

import json
from typing import Any

import pyotp

from tests.support import mailbox, projects, users
from tests.support.admins import AdminFactory, unique_permission_name, unique_role_name
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.companion import Uppy
from tests.support.factories import make_upload_request
from tests.support.fixtures import OverrideSettings
from tests.support.jobs import create_failed_job
from tests.support.mfa import enable_mfa
from tests.support.shares import create_link

PROVIDER = "github"
OAUTH_CALLBACK = "GET /auth/oauth/{provider}/callback"


def make_valid_requests(client: Client, fake_aws: FakeAws, override_settings: OverrideSettings) -> dict[str, Any]:
    """Return the parts of valid requests of this client by route."""
    committed = fake_aws.upload(client, b"x", filename="a.txt", contentType="text/plain")
    (upload,) = fake_aws.find_rows("main", record_type="upload")
    fake_aws.upload(client, b"y", filename="a.txt", contentType="text/plain", fileId=committed["fileId"])
    open_upload = _upload_one_part(client, fake_aws)
    companion_path, companion_parts = _companion_upload(client, fake_aws)
    link = create_link(client, committed["fileId"], permission="write")
    shared_upload = link.init_upload(b"x").created()
    fake_aws.put_object(shared_upload, b"x")
    session_id = users.sign_in(client.user["email"]).refresh_token.split("_")[1]
    project_path = _project_path_values(client, fake_aws)
    configure_provider(fake_aws, override_settings)
    return {
        "path": {
            "projectId": users.personal_project_id(client),
            "fileId": committed["fileId"],
            "shareId": link.share_id,
            "number": "1",
            "uploadId": open_upload["uploadId"],
            "jobId": create_failed_job(client, fake_aws, users.personal_project_id(client)),
            "asset": "start.js",
            "sessionId": session_id,
            "provider": PROVIDER,
            "task": "recount",
            **_role_path_values(client),
        },
        "project_path": project_path,
        "companion_path": companion_path,
        "share_path": {"token": link.token},
        "query": {
            OAUTH_CALLBACK: "?state=unknown",
            "POST /upload/file": "?filename=a.txt",
            "POST /upload/image": "?filename=a.jpg",
            **_companion_queries(companion_path.pop("key")),
        },
        "body": {
            "POST /files/{fileId}/shares": {"permission": "read"},
            "POST /s/{token}/init-upload": make_upload_request(b"x"),
            "POST /s/{token}/commit": {"uploadId": shared_upload["uploadId"]},
            "POST /u/{token}/s3/multipart": {"filename": "a.txt"},
            "POST /u/{token}/s3/multipart/{uploadId}/complete": {"parts": companion_parts},
            "POST /projects": {"name": "x"},
            "PATCH /files/{fileId}": {"name": "renamed.txt"},
            "POST /files/init-upload": make_upload_request(b"x"),
            "POST /files/commit": {"uploadId": upload["id"]},
            "POST /files/bulk": {"ids": [committed["fileId"]], "action": "delete"},
            "POST /uploads/{uploadId}/parts": {"partNumbers": [1]},
            "POST /auth/login": {"email": client.user["email"], "password": users.PASSWORD},
            "POST /auth/refresh": {"refreshToken": client.refresh_token},
            "POST /auth/change-password": {"currentPassword": users.PASSWORD, "newPassword": "another horse battery"},
            "POST /auth/change-email": {"email": users.unique_email(), "password": users.PASSWORD},
            "POST /auth/forgot-password": {"email": client.user["email"]},
            "POST /auth/verify-email/resend": {"email": users.unique_email()},
            "PATCH /users/me": {"name": "Ada"},
            "DELETE /users/me": {"password": users.PASSWORD},
            "POST /users": {"email": users.unique_email(), "password": users.PASSWORD, "roles": ["user"]},
            "PATCH /users/{userId}": {"name": "Ada"},
            "POST /users/{userId}/roles": {"role": "admin"},
            "POST /roles": {"name": unique_role_name(), "permissions": ["users.read"]},
            "PATCH /roles/{name}": {"permissions": ["users.read"]},
            "POST /permissions": {"name": unique_permission_name()},
            "POST /authz/explain": {"permission": "users.read"},
            **_member_bodies(client, fake_aws, project_path["userId"]),
            **_email_token_bodies(client, fake_aws, override_settings),
            **_mfa_bodies(client),
        },
    }


def configure_provider(fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    """Configure a provider. It is never called."""
    override_settings(OAUTH_PROVIDERS=json.dumps([{"name": PROVIDER, "kind": "github"}]))
    keys = json.dumps({"clientId": "id", "clientSecret": "secret"})
    fake_aws.ssm.put_parameter(Name=f"/holdall/test/oauth-{PROVIDER}", Value=keys, Type="SecureString", Overwrite=True)


def _project_path_values(client: Client, fake_aws: FakeAws) -> dict[str, str]:
    """Return the path parameters of routes below a project."""
    project_id = projects.create_shared_project(client)
    return {
        "projectId": project_id,
        "userId": projects.create_member(client, project_id, fake_aws, "editor").user["id"],
        "keyId": projects.create_api_key_client(client, project_id).key_id,
        "invitationId": projects.create_invitation(client, project_id, users.unique_email())["id"],
    }


def _member_bodies(client: Client, fake_aws: FakeAws, member_id: str) -> dict[str, Any]:
    owner = users.create_client()
    return {
        "PATCH /projects/{projectId}": {"name": "x"},
        "PATCH /projects/{projectId}/members/{userId}": {"role": "viewer"},
        "POST /projects/{projectId}/transfer": {"userId": member_id},
        "POST /projects/{projectId}/invitations": {"email": users.unique_email(), "role": "viewer"},
        "POST /projects/{projectId}/keys": {"name": "Robot", "scopes": ["files.read"]},
        "PATCH /projects/{projectId}/keys/{keyId}": {"enabled": False},
        "POST /invitations/accept": {
            "token": projects.create_invitation_token(
                owner, projects.create_shared_project(owner), fake_aws, client.user["email"]
            )
        },
    }


def _role_path_values(client: Client) -> dict[str, str]:
    """Return a user with a role, and a role and a permission that no user has."""
    admins = AdminFactory(client)
    user, role = users.sign_up(), admins.create_role("users.read")
    return {"userId": user["id"], "role": "user", "name": role, "permission": admins.create_permission()}


def _email_token_bodies(client: Client, fake_aws: FakeAws, override_settings: OverrideSettings) -> dict[str, Any]:
    mailbox.receive_emails(fake_aws)
    body = {"email": users.unique_email(), "password": users.PASSWORD}
    override_settings(EMAIL_VERIFICATION="on")
    Client().post("/auth/sign-up", body).data()
    verify = mailbox.receive_token(fake_aws, "email-verification")
    override_settings(EMAIL_VERIFICATION="off")
    client.post("/auth/forgot-password", {"email": client.user["email"]}).data()
    reset = mailbox.receive_token(fake_aws, "password-reset")
    client.post("/auth/change-email", {"email": users.unique_email(), "password": users.PASSWORD}).data()
    confirm = mailbox.receive_token(fake_aws, "email-change")
    invited = mailbox.create_account_invitation(users.unique_email())
    return {
        "POST /auth/sign-up": {"email": users.unique_email(), "password": users.PASSWORD},
        "POST /auth/verify-email": {"token": verify, "password": users.PASSWORD},
        "POST /auth/reset-password": {"token": reset, "password": "another horse battery"},
        "POST /auth/confirm-email": {"token": confirm},
        "POST /auth/accept-invitation": {"token": invited, "password": "another horse battery"},
    }


def _mfa_bodies(client: Client) -> dict[str, Any]:
    user = enable_mfa(users.create_client())
    totp_secret = client.post("/auth/2fa/setup").data()["secret"]
    return {
        "POST /auth/2fa/verify": {"mfaToken": user.request_mfa_token(), "recoveryCode": user.recovery_codes[0]},
        "POST /auth/2fa/enable": {"code": pyotp.TOTP(totp_secret).now()},
    }


def _upload_one_part(client: Client, fake_aws: FakeAws) -> dict[str, Any]:
    """Return a multipart upload whose only part is uploaded."""
    upload: dict[str, Any] = client.post("/files/init-upload", make_upload_request(b"x", multipart=True)).created()
    (part,) = client.post(f"/uploads/{upload['uploadId']}/parts", {"partNumbers": [1]}).data()
    fake_aws.put_part(part, b"x")
    return upload


def _companion_upload(client: Client, fake_aws: FakeAws) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the path parameters of an upload of Uppy, with its key, and its parts."""
    uppy = Uppy.create(client)
    upload = uppy.create_multipart()
    parts = uppy.put_parts(fake_aws, upload, b"x")
    return {"token": uppy.token, "uploadId": upload.upload_id, "partNumber": "1", "key": upload.key}, parts


def _companion_queries(key: str) -> dict[str, str]:
    upload = "/u/{token}/s3/multipart/{uploadId}"
    return {
        "GET /u/{token}/s3/params": "?filename=a.txt",
        f"GET {upload}": f"?key={key}",
        f"DELETE {upload}": f"?key={key}",
        f"GET {upload}/batch": f"?key={key}&partNumbers=1,2",
        f"POST {upload}/complete": f"?key={key}",
        f"GET {upload}/{{partNumber}}": f"?key={key}",
    }
