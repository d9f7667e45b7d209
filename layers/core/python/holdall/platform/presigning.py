"""Presigned requests: a client sends one request to S3 with the rights of the function that signed it.

Needed actions: s3:PutObject, GetObject, GetObjectVersion. Each function has only those that it uses.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote, urlencode

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from holdall.platform import aws, clock
from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable

Bucket = Literal["originals", "variants"]
GET_URL_TTL_SECONDS = 5 * 60
_SHARED_WINDOW = timedelta(minutes=2)


@dataclass(frozen=True)
class PresignedUrl:
    """A URL for one request until `expires_at`. The client sends `headers` with it."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class PresignedPost:
    """A form that a client posts until `expires_at`: its `fields` first, and then the field `file`."""

    url: str  # with a slash at the end, because clients append the key to it
    fields: dict[str, str]
    expires_at: datetime


def presign_put(key: str, *, size: int, content_type: str, sha256: str | None, expires_in: int) -> PresignedUrl:
    """Return a URL to upload an original once. S3 rejects another size, type or content, and a second upload to the key.

    All four are signed headers (Amazon S3 user guide, "Checking object integrity" and "Conditional writes").
    """
    headers = {"content-type": content_type, "if-none-match": "*"}
    if sha256 is not None:
        headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
    signed = {**headers, "content-length": str(size)}  # every client sends it, and scripts in browsers cannot set it
    return _presign("PUT", "originals", key, {}, headers=signed, client_headers=headers, expires_in=expires_in)


def presign_post(key: str, *, min_size: int, max_size: int, content_type: str, expires_in: int) -> PresignedPost:
    """Return a form to upload an original. S3 rejects another size, type or key (Amazon S3 API reference, "POST Policy").

    S3 has no condition against a second upload. It adds a version of the object, which no file names.
    """
    expires_at, credentials = _expiry(expires_in, clock.now())
    fields = {"key": key, "Content-Type": content_type, "success_action_status": "201"}
    policy = {
        "expiration": expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conditions": [
            {"bucket": settings().originals_bucket},
            *({name: value} for name, value in fields.items()),
            ["content-length-range", min_size, max_size],
        ],
    }
    request = AWSRequest(method="POST", url=f"{settings().originals_url}/")
    request.context.update({"s3-presign-post-fields": fields, "s3-presign-post-policy": policy})
    S3SigV4PostAuth(credentials, "s3", settings().aws_region).add_auth(request)  # adds the policy and the signature
    return PresignedPost(str(request.url), fields, expires_at)


def presign_part(
    key: str, multipart_id: str, number: int, *, size: int | None, sha256: str | None, expires_in: int
) -> PresignedUrl:
    """Return a URL to upload a part of an original. S3 rejects another size or content, if the caller knows them.

    A part can be uploaded again; the last one counts (S3 API reference, UploadPart).
    """
    headers = {} if sha256 is None else {"x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode()}
    signed = headers if size is None else {**headers, "content-length": str(size)}
    query = {"partNumber": str(number), "uploadId": multipart_id}
    return _presign("PUT", "originals", key, query, headers=signed, client_headers=headers, expires_in=expires_in)


def presign_get(
    bucket: Bucket,
    key: str,
    *,
    version_id: str | None,
    disposition: str,
    content_type: str,
    is_shared: bool = False,
) -> PresignedUrl:
    """Return a URL to download an object, with a disposition and a content type of ours instead of the stored ones.

    With `is_shared`, all who ask within two minutes get the same URL, so that browsers find the object in their caches. It is
    valid for three minutes at least.
    """
    query = {
        "response-cache-control": f"private, max-age={GET_URL_TTL_SECONDS}",  # as long as the URL is valid
        "response-content-disposition": disposition,
        "response-content-type": content_type,
    }
    if version_id is not None:
        query["versionId"] = version_id
    return _presign(
        "GET",
        bucket,
        key,
        query,
        headers={},
        client_headers={},
        expires_in=GET_URL_TTL_SECONDS,
        signed_at=_window_start() if is_shared else None,
    )


def _presign(
    method: str,
    bucket: Bucket,
    key: str,
    query: Mapping[str, str],
    *,
    headers: Mapping[str, str],
    client_headers: dict[str, str],
    expires_in: int,
    signed_at: datetime | None = None,
) -> PresignedUrl:
    base = settings().originals_url if bucket == "originals" else settings().variants_url
    url = f"{base}/{quote(key, safe='/~')}"
    request = AWSRequest(method=method, url=f"{url}?{urlencode(query)}" if query else url, headers=headers)
    expires_at, credentials = _expiry(expires_in, signed_at or clock.now())
    # The signer of botocore alone, because a client of S3 adds 150 ms to a cold start.
    signer = _Signer(credentials, "s3", settings().aws_region, expires=expires_in)
    signer.signed_at = signed_at
    signer.add_auth(request)
    return PresignedUrl(method, str(request.url), client_headers, expires_at)


class _Signer(S3SigV4QueryAuth):
    """The signer of botocore, which may sign for another time than now."""

    signed_at: datetime | None = None

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        if self.signed_at is not None:
            request.context["timestamp"] = self.signed_at.strftime(SIGV4_TIMESTAMP)
        super()._modify_request_before_signing(request)  # type: ignore[misc]  # the stubs lack it


def _window_start() -> datetime:
    now = clock.now()
    seconds = now.timestamp() % _SHARED_WINDOW.total_seconds()
    return now - timedelta(seconds=seconds)


def _expiry(expires_in: int, signed_at: datetime) -> tuple[datetime, Credentials]:
    """Return when a presigned request expires, at the latest with the credentials of this process, and these credentials."""
    credentials = aws.session().get_credentials()
    if credentials is None:
        raise ServiceUnavailable
    frozen = credentials.get_frozen_credentials()
    expires_at = signed_at + timedelta(seconds=expires_in)
    credentials_expire_at: datetime | None = getattr(credentials, "_expiry_time", None)
    if credentials_expire_at is not None:
        expires_at = min(expires_at, credentials_expire_at)
    return expires_at, Credentials(str(frozen.access_key), str(frozen.secret_key), frozen.token)
