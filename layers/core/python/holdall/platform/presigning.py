"""Presigned requests: a client sends one request to S3 with the rights of the function that signed it.

Needed actions: s3:PutObject, GetObject, GetObjectVersion. Each function has only those that it uses. Requests to the edge
store have the rights of its credentials.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from urllib.parse import quote, urlencode, urlsplit

from botocore.auth import S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from holdall.platform import clock, originals
from holdall.platform.config import settings
from holdall.platform.schemas import StorageLocation

Bucket = Literal["originals", "edge", "variants"]
GET_URL_TTL_SECONDS = 5 * 60
_SHARED_WINDOW_SECONDS = 2 * 60
_UNRESERVED = "-._~"  # what SigV4 does not encode, besides the alphabet and digits


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


def presign_put(
    key: str,
    *,
    size: int,
    content_type: str,
    sha256: str | None,
    expires_in: int,
    location: StorageLocation = "s3",
) -> PresignedUrl:
    """Return a URL to upload an original once. S3 rejects another size, type or content, and a second upload to the key.

    All four are signed headers (Amazon S3 user guide, "Checking object integrity" and "Conditional writes"). Raises
    ServiceUnavailable.
    """
    headers = {"content-type": content_type, "if-none-match": "*"}
    if sha256 is not None:
        headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
    signed = {**headers, "content-length": str(size)}  # every client sends it, and scripts in browsers cannot set it
    return _presign_put(location, key, {}, headers=signed, client_headers=headers, expires_in=expires_in)


def presign_post(
    key: str, *, min_size: int, max_size: int, content_type: str, expires_in: int, location: StorageLocation = "s3"
) -> PresignedPost:
    """Return a form to upload an original. S3 rejects another size, type or key (Amazon S3 API reference, "POST Policy").

    S3 has no condition against a second upload. It adds a version of the object, which no file names. Raises
    ServiceUnavailable.
    """
    bucket = originals.bucket_at(location)
    bucket.require_reachable()
    expires_at, credentials = _expiry(bucket, expires_in)
    fields = {"key": key, "Content-Type": content_type, "success_action_status": "201"}
    policy = {
        "expiration": expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conditions": [
            {"bucket": bucket.name},
            *({name: value} for name, value in fields.items()),
            ["content-length-range", min_size, max_size],
        ],
    }
    request = AWSRequest(method="POST", url=f"{bucket.url}/")
    request.context.update({"s3-presign-post-fields": fields, "s3-presign-post-policy": policy})
    S3SigV4PostAuth(credentials, "s3", bucket.region).add_auth(request)  # adds the policy and the signature
    return PresignedPost(str(request.url), fields, expires_at)


def presign_part(
    key: str,
    multipart_id: str,
    number: int,
    *,
    size: int | None,
    sha256: str | None,
    expires_in: int,
    location: StorageLocation = "s3",
) -> PresignedUrl:
    """Return a URL to upload a part of an original. S3 rejects another size or content, if the caller knows them.

    A part can be uploaded again; the last one counts (S3 API reference, UploadPart). Raises ServiceUnavailable.
    """
    headers = {} if sha256 is None else {"x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode()}
    signed = headers if size is None else {**headers, "content-length": str(size)}
    query = {"partNumber": str(number), "uploadId": multipart_id}
    return _presign_put(location, key, query, headers=signed, client_headers=headers, expires_in=expires_in)


def presign_get(
    bucket: Bucket, key: str, *, version_id: str | None, disposition: str, content_type: str
) -> PresignedUrl:
    """Return a URL to download an object, with a disposition and a content type of ours instead of the stored ones.

    Raises ServiceUnavailable.
    """
    query = {"response-content-disposition": disposition, "response-content-type": content_type}
    if version_id is not None and version_id != originals.NO_VERSION:
        query["versionId"] = version_id
    return _presign_get(bucket, key, query, clock.real_now())


def presign_shared_get(bucket: Bucket, key: str) -> PresignedUrl:
    """Return a URL to show an object. It is the same for all who ask this process within two minutes, so browsers cache it.

    It is signed at the start of these two minutes, so it is valid for three more at least. It has no more parameters than it
    needs, because a page of files may have two thousand such URLs, and a response of Lambda has six megabytes.
    """
    now = clock.real_now()
    into_window = timedelta(seconds=now.timestamp() % _SHARED_WINDOW_SECONDS)
    return _presign_get(bucket, key, {"response-content-disposition": "inline"}, now - into_window)


def _presign_put(
    location: StorageLocation,
    key: str,
    query: Mapping[str, str],
    *,
    headers: Mapping[str, str],
    client_headers: dict[str, str],
    expires_in: int,
) -> PresignedUrl:
    bucket = originals.bucket_at(location)
    bucket.require_reachable()
    url = f"{bucket.url}/{quote(key, safe='/~')}"
    request = AWSRequest(method="PUT", url=f"{url}?{urlencode(query)}" if query else url, headers=headers)
    expires_at, credentials = _expiry(bucket, expires_in)
    # The signer of botocore alone, because a client of S3 adds 150 ms to a cold start.
    S3SigV4QueryAuth(credentials, "s3", bucket.region, expires=expires_in).add_auth(request)
    return PresignedUrl("PUT", str(request.url), client_headers, expires_at)


def _presign_get(bucket_name: Bucket, key: str, query: Mapping[str, str], signed_at: datetime) -> PresignedUrl:
    """Return a URL for a GET (Amazon S3 API reference, "Authenticating Requests: Using Query Parameters").

    The signer of botocore takes twenty times as long, and signs no other time than now.
    """
    bucket = _find_bucket(bucket_name)
    bucket.require_reachable()
    expires_at, credentials = _expiry(bucket, GET_URL_TTL_SECONDS, signed_at)
    keys = credentials.access_key, credentials.secret_key, credentials.token
    signer = _get_signer(*keys, bucket.region, signed_at.replace(microsecond=0))
    base = urlsplit(bucket.url)
    path = f"{base.path}/{quote(key, safe='/' + _UNRESERVED)}"
    # Valid for as long as the URL is. Parameters are signed in the order of their names, and capitals come first.
    parameters = {"response-cache-control": f"private, max-age={GET_URL_TTL_SECONDS}", **query}
    own = "&".join(f"{name}={quote(value, safe=_UNRESERVED)}" for name, value in sorted(parameters.items()))
    signed_query = f"{signer.query}&{own}"
    signature = signer.sign(f"GET\n{path}\n{signed_query}\nhost:{base.netloc}\n\nhost\nUNSIGNED-PAYLOAD")
    url = f"{base.scheme}://{base.netloc}{path}?{signed_query}&X-Amz-Signature={signature}"
    return PresignedUrl("GET", url, {}, expires_at)


@dataclass(frozen=True)
class _GetSigner:
    """Signs GETs of one time: the parameters that they share, and the key and the scope of their signatures."""

    query: str
    key: bytes
    scope: str
    timestamp: str

    def sign(self, canonical_request: str) -> str:
        digest = hashlib.sha256(canonical_request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self.timestamp}\n{self.scope}\n{digest}"
        return hmac.digest(self.key, text.encode(), "sha256").hex()


@lru_cache(maxsize=2)
def _get_signer(access_key: str, secret_key: str, token: str | None, region: str, signed_at: datetime) -> _GetSigner:
    timestamp = f"{signed_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    date = timestamp[:8]
    scope = f"{date}/{region}/s3/aws4_request"
    parameters = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{access_key}/{scope}",
        "X-Amz-Date": timestamp,
        "X-Amz-Expires": str(GET_URL_TTL_SECONDS),
        **({"X-Amz-Security-Token": token} if token else {}),
        "X-Amz-SignedHeaders": "host",
    }
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    query = "&".join(f"{name}={quote(value, safe=_UNRESERVED)}" for name, value in parameters.items())
    return _GetSigner(query, key, scope, timestamp)


def _find_bucket(name: Bucket) -> originals.Bucket:
    if name == "variants":
        return originals.Bucket(settings().variants_bucket, settings().variants_url, settings().aws_region)
    return originals.bucket_at("edge" if name == "edge" else "s3")


def _expiry(
    bucket: originals.Bucket, expires_in: int, signed_at: datetime | None = None
) -> tuple[datetime, Credentials]:
    """Return when a presigned request expires, at the latest with the credentials of its bucket, and these credentials."""
    credentials, credentials_expire_at = bucket.credentials()
    expires_at = (signed_at or clock.real_now()) + timedelta(seconds=expires_in)
    if credentials_expire_at is not None:
        expires_at = min(expires_at, credentials_expire_at)
    return expires_at, credentials
