"""Links to files, and the strangers who use them."""

from dataclasses import dataclass
from typing import Any

from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.factories import make_upload_request
from tests.support.uploads import TEXT_FILE


@dataclass(frozen=True)
class Link:
    """A link, as someone without an account uses it."""

    token: str
    share_id: str = ""

    def see(self, **kwargs: Any) -> Response:
        return Client().get(f"/s/{self.token}", **kwargs)

    def download(self, password: str | None = None, **kwargs: Any) -> Response:
        body = None if password is None else {"password": password}
        return Client().post(f"/s/{self.token}/download", body, **kwargs)

    def init_upload(self, content: bytes = b"content", **overrides: Any) -> Response:
        headers = overrides.pop("headers", None)
        body = make_upload_request(content, **{**TEXT_FILE, **overrides})
        return Client().post(f"/s/{self.token}/init-upload", body, headers=headers)

    def commit(self, upload_id: str, **fields: Any) -> Response:
        return Client().post(f"/s/{self.token}/commit", {"uploadId": upload_id, **fields})

    def upload(self, fake_aws: FakeAws, content: bytes = b"content", **overrides: Any) -> dict[str, Any]:
        """Upload and commit a file, and return the response of the commit."""
        upload = self.init_upload(content, **overrides).created()
        fake_aws.put_object(upload, content)
        committed: dict[str, Any] = self.commit(upload["uploadId"]).data()
        return committed


def request_share(client: Client, file_id: str, **fields: Any) -> Response:
    headers = fields.pop("headers", None)
    return client.post(f"/files/{file_id}/shares", {"permission": "read", **fields}, headers=headers)


def create_link(client: Client, file_id: str, **fields: Any) -> Link:
    """Share a file, for reading unless the fields say otherwise."""
    created = request_share(client, file_id, **fields).created()
    return Link(created["token"], created["id"])


def list_shares(client: Client, file_id: str) -> list[dict[str, Any]]:
    shares: list[dict[str, Any]] = client.get(f"/files/{file_id}/shares").data()
    return shares


def list_uses(client: Client, file_id: str, link: Link) -> list[dict[str, Any]]:
    uses: list[dict[str, Any]] = client.get(f"/files/{file_id}/shares/{link.share_id}/uses?limit=100").data()
    return uses
