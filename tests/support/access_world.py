"""The principals of the access rules in this process, and the projects that their requests are about."""

from dataclasses import dataclass, field
from itertools import count

from holdall.roles.permissions import PERMISSIONS
from tests.support import mailbox, projects, users
from tests.support.access_rules import ANONYMOUS, Principal, Target, TargetName
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.factories import make_upload_request
from tests.support.jobs import create_failed_job
from tests.support.shares import create_link

KEY_SCOPES = frozenset(name for name, permission in PERMISSIONS.items() if permission.is_key_scope)
_TEXT_FILE = {"filename": "a.txt", "contentType": "text/plain"}
_numbers = count(1)


@dataclass
class AccessWorld:
    """The principals with their clients, and the targets. API keys belong to a project, so `deleted` has its own."""

    fake_aws: FakeAws
    superuser: Client
    other_user: Client
    clients: dict[Principal, Client]
    keys_of_deleted: dict[Principal, Client] = field(default_factory=dict)
    targets: dict[TargetName, Target] = field(default_factory=dict)

    @classmethod
    def create(cls, fake_aws: FakeAws) -> "AccessWorld":
        """Create all principals and targets."""
        superuser, admin = users.create_superuser(), users.create_client()
        superuser.post(f"/users/{admin.user['id']}/roles", {"role": "admin"}).data()
        clients: dict[Principal, Client] = {
            ANONYMOUS: Client(),
            Principal("user", frozenset({"user"})): users.create_client(),
            Principal("admin", frozenset({"user", "admin"})): admin,
            Principal("superuser", frozenset({"superuser"})): superuser,
        }
        members = {role: users.create_client() for role in ("viewer", "editor", "owner")}
        clients |= {Principal(role, frozenset({"user"}), role): member for role, member in members.items()}
        world = cls(fake_aws, superuser, users.create_client(), clients)
        world._create_own_projects(members)
        world.targets["other"] = world._create_target(world.other_user, {"viewer": users.create_client()})
        return world

    def add_spare_target(self) -> None:
        """Add a project with two owners, `other_user` and the owner of `own`."""
        members = {"viewer": users.create_client(), "owner": self.client("owner")}
        self.targets["spare"] = self._create_target(self.other_user, members)

    def client(self, name: str) -> Client:
        """Return the client of the principal with this name."""
        return next(client for principal, client in self.clients.items() if principal.name == name)

    def clients_for(self, target: TargetName) -> dict[Principal, Client]:
        """Return the principals that call routes about a target: all for `own`, and one API key of each role for others."""
        if target == "own":
            return self.clients
        clients = {each: client for each, client in self.clients.items() if each.scopes in (None, KEY_SCOPES)}
        return {**clients, **self.keys_of_deleted} if target == "deleted" else clients

    def rows(self) -> list[str]:
        """Return all rows that requests may not change. The times of the last use are left out."""
        tables = ("main", "credentials", "audit")
        rows = [
            row for table in tables for row in self.fake_aws.find_rows(table) if row.get("record_type") != "last-use"
        ]
        return sorted(repr(sorted(row.items(), key=lambda item: item[0])) for row in rows)

    def _create_own_projects(self, members: dict[str, Client]) -> None:
        """Create the projects of the owner. The other members are owners too until they have created their keys."""
        owner = members["owner"]
        guests = {role: member for role, member in members.items() if role != "owner"}
        for target in ("own", "deleted"):
            self.targets[target] = self._create_target(owner, guests, role="owner")
            project_id, clients = self.targets[target].project_id, self.clients
            if target == "deleted":
                clients = self.keys_of_deleted
            for role, member in members.items():
                clients[_key_principal(f"key of {role}", role)] = projects.create_api_key_client(
                    member, project_id, *sorted(KEY_SCOPES)
                )
            for role, member in guests.items():
                projects.change_member_role(owner, project_id, member.user["id"], role).data()
        for scope in sorted(KEY_SCOPES):
            for name, scopes in ((f"key with {scope}", {scope}), (f"key without {scope}", KEY_SCOPES - {scope})):
                key = projects.create_api_key_client(owner, self.targets["own"].project_id, *sorted(scopes))
                self.clients[_key_principal(name, "owner", frozenset(scopes))] = key
        self.targets["second"] = self._create_target(owner, {"viewer": users.create_client()})
        owner.delete(f"/projects/{self.targets['deleted'].project_id}").data()
        self.fake_aws.run_workers()

    def _create_target(self, owner: Client, members: dict[str, Client], role: str = "") -> Target:
        """Create a project with a resource of each kind. Members get `role`, or their own role in the access rules."""
        number, project_id = next(_numbers), projects.create_shared_project(owner)
        body = make_upload_request(b"y", projectId=project_id, **_TEXT_FILE)
        open_upload, stored_upload = (owner.post("/files/init-upload", body).created() for _ in range(2))
        self.fake_aws.put_object(stored_upload, b"y")
        multipart_upload = owner.post("/files/init-upload", {**body, "multipart": True}).created()
        (part,) = owner.post(f"/uploads/{multipart_upload['uploadId']}/parts", {"partNumbers": [1]}).data()
        self.fake_aws.put_part(part, b"y")
        for name, member in members.items():
            projects.add_member(owner, project_id, self.fake_aws, member, role or name)
        custom_role, custom_permission = f"matrix-{number}", f"matrix.thing-{number}"
        self.superuser.post("/roles", {"name": custom_role, "permissions": ["users.read"]}).created()
        self.superuser.post("/permissions", {"name": custom_permission}).created()
        file_id, trashed_id, versioned_id = (
            self.fake_aws.upload(owner, b"x", projectId=project_id, **_TEXT_FILE)["fileId"] for _ in range(3)
        )
        self.fake_aws.upload(owner, b"y", fileId=versioned_id, **_TEXT_FILE)
        owner.delete(f"/files/{trashed_id}").data()
        ids = {
            "fileId": file_id,
            "trashedFileId": trashed_id,
            "versionedFileId": versioned_id,
            "shareId": create_link(owner, file_id).share_id,
            "number": "1",
            "jobId": create_failed_job(owner, self.fake_aws, project_id),
            "uploadId": open_upload["uploadId"],
            "multipartUploadId": multipart_upload["uploadId"],
            "token": "hu_unknown",  # no one is refused because of who sends a token
            "partNumber": "1",
            "storedUploadId": stored_upload["uploadId"],
            "invitationId": projects.create_invitation(owner, project_id, users.unique_email())["id"],
            "keyId": projects.create_api_key_client(owner, project_id, "files.read").key_id,
            "userId": members["viewer"].user["id"],
            "sessionId": self.other_user.refresh_token.split("_")[1],
            "name": custom_role,
            "permission": custom_permission,
            "role": "user",
            "provider": "github",
            "task": "recount",
            "asset": "start.js",
            "newEmail": f"matrix-{number}@example.test",
            "newRole": f"matrix-new-{number}",
            "newPermission": f"matrix.new-{number}",
        }
        mailbox.receive_emails(self.fake_aws)
        return Target(project_id, ids)


def _key_principal(name: str, creator_role: str, scopes: frozenset[str] = KEY_SCOPES) -> Principal:
    return Principal(name, project_role=creator_role, scopes=scopes)
