"""A client of the contract of Uppy Companion, which sends what @uppy/aws-s3 sends."""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tests.support.aws import FakeAws
from tests.support.client import BASE_PATH, Client, Response

MIB = 1024**2
PART = b"p" * (5 * MIB)  # the smallest part that S3 accepts before the last one


@dataclass(frozen=True)
class UppyUpload:
    """An upload in parts, as Uppy knows it."""

    upload_id: str
    key: str

    def path(self, rest: str = "", **query: str) -> str:
        return f"/s3/multipart/{quote(self.upload_id, safe='')}{rest}?{urlencode({'key': self.key, **query})}"


@dataclass(frozen=True)
class Uppy:
    """A page with an endpoint. It has no other credentials."""

    endpoint: str

    @classmethod
    def create(cls, client: Client, project_id: str | None = None, **kwargs: Any) -> "Uppy":
        """Request an endpoint for a project, by default for the personal project of the caller."""
        body = {"projectId": project_id} if project_id else None
        return cls(str(client.post("/uploads/companion-token", body, **kwargs).created()["endpoint"]))

    @property
    def token(self) -> str:
        return self.endpoint.rpartition("/")[2]

    @property
    def path(self) -> str:
        """Return the path of the endpoint, below the host."""
        return BASE_PATH + self.endpoint.partition(BASE_PATH)[2]

    def request(self, method: str, path: str, body: Any = None, **kwargs: Any) -> Response:
        return Client().request(method, self.path + path, body, **kwargs)

    def get_params(self, filename: str = "notes.txt", type_: str = "text/plain", **metadata: str) -> Response:
        query = {"filename": filename, "type": type_, **{f"metadata[{k}]": v for k, v in metadata.items()}}
        return self.request("GET", f"/s3/params?{urlencode(query)}")

    def create_multipart(self, filename: str = "film.bin", type_: str = "video/mp4", **metadata: Any) -> UppyUpload:
        body = {"filename": filename, "type": type_, "metadata": metadata}
        created = result(self.request("POST", "/s3/multipart", body))
        assert created["bucket"] == "originals"
        return UppyUpload(created["uploadId"], created["key"])

    def sign_part(self, upload: UppyUpload, number: int | str) -> Response:
        return self.request("GET", upload.path(f"/{number}"))

    def sign_parts(self, upload: UppyUpload, *numbers: int) -> Response:
        return self.request("GET", upload.path("/batch", partNumbers=",".join(map(str, numbers))))

    def list_parts(self, upload: UppyUpload) -> Response:
        return self.request("GET", upload.path())

    def complete(self, upload: UppyUpload, parts: Any) -> Response:
        return self.request("POST", upload.path("/complete"), {"parts": parts})

    def abort(self, upload: UppyUpload) -> Response:
        return self.request("DELETE", upload.path())

    def put_parts(self, fake_aws: FakeAws, upload: UppyUpload, *contents: bytes) -> list[dict[str, Any]]:
        """Upload parts with presigned URLs, and return what Uppy sends about them at the end."""
        for number, content in enumerate(contents, start=1):
            url = result(self.sign_part(upload, number))["url"]
            fake_aws.put_part({"url": url, "headers": {}, "partNumber": number}, content)
        stored = result(self.list_parts(upload))
        return [{"PartNumber": each["PartNumber"], "ETag": each["ETag"]} for each in stored]

    def upload_parts(self, fake_aws: FakeAws, *contents: bytes, **metadata: Any) -> tuple[UppyUpload, Response]:
        """Upload a file in parts."""
        upload = self.create_multipart(**metadata)
        return upload, self.complete(upload, self.put_parts(fake_aws, upload, *contents))


def result(response: Response) -> Any:
    """Return the body of a successful response. Uppy takes any body with a field `error` for a failure."""
    assert response.status == 200, (response.status, response.text)
    body = response.json()
    assert "error" not in body
    return body


def policy_of(params: dict[str, Any]) -> dict[str, Any]:
    """Return the policy of a form."""
    policy: dict[str, Any] = json.loads(base64.b64decode(params["fields"]["policy"]))
    return policy


def size_range(params: dict[str, Any]) -> tuple[int, int]:
    """Return the sizes that S3 accepts with a form."""
    [(_, smallest, largest)] = [each for each in policy_of(params)["conditions"] if isinstance(each, list)]
    return smallest, largest


def post_form(fake_aws: FakeAws, params: dict[str, Any], content: bytes) -> str:
    """Store the bytes as S3 does for a form, and return the version ID. The e2e tests cover refusals by S3."""
    key, content_type = params["fields"]["key"], params["fields"]["Content-Type"]
    response = fake_aws.s3.put_object(Bucket="originals", Key=key, Body=content, ContentType=content_type)
    return str(response["VersionId"])
