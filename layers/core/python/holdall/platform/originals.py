"""The stores of originals: a bucket in S3, and the edge store, if the deployment has one.

The edge store is any server that speaks plain S3, such as MinIO. Its bucket may have versions or not. Needed action for it:
ssm:GetParameter on its credentials. No other rights in AWS lead to it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from pydantic import ValidationError

from holdall.platform import aws, clock, observability, parameters
from holdall.platform.config import EdgeStore, settings
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.schemas import RequestModel, StorageLocation

CREDENTIALS_PARAMETER = "edge-credentials"
NO_VERSION = (
    "null"  # the version ID of an object in a bucket without versions (Amazon S3 user guide, "Versioning workflows")
)
_CREDENTIALS_LIFETIME = timedelta(minutes=5)  # after which new ones are used
_REACHABILITY_LIFETIME = timedelta(seconds=5)


class EdgeUnavailable(ServiceUnavailable):
    """The edge store does not respond, or not as S3 does. Files in S3 are not affected."""

    code, detail = "edge_unavailable", "The edge store of this installation does not respond. Try again in a moment."
    retry_after = 30


class EdgeCredentials(RequestModel):
    """The parameter with the credentials of the edge store, as JSON. The operator creates it."""

    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True)
class Bucket:
    """A bucket of S3, with the credentials of this process."""

    name: str
    url: str  # the start of presigned URLs, without a slash at the end
    region: str

    def client(self) -> Any:
        """Return a client of its server. Raises ServiceUnavailable."""
        return aws.client("s3")

    def credentials(self) -> tuple[Credentials, datetime | None]:
        """Return what signs its URLs, and when that expires. Raises ServiceUnavailable."""
        found = aws.session().get_credentials()
        if found is None:
            raise ServiceUnavailable
        frozen = found.get_frozen_credentials()
        credentials = Credentials(str(frozen.access_key), str(frozen.secret_key), frozen.token)
        return credentials, getattr(found, "_expiry_time", None)

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raise ServiceUnavailable if the server does not respond or is overloaded. See `aws.translate_aws_errors`."""
        with aws.translate_aws_errors():
            yield

    def require_reachable(self) -> None:
        """Raise ServiceUnavailable if the server did not respond a moment ago. S3 is not asked.

        Call this before a URL is given out, which would lead nowhere, and before work that there may be much of: it would wait
        for the server, and there are few workers for all projects.
        """


class EdgeBucket(Bucket):
    """The bucket of the edge store, with the credentials of its parameter."""

    def client(self) -> Any:
        return _get_edge_client(_get_edge_store(), self._edge_credentials())

    def credentials(self) -> tuple[Credentials, datetime | None]:
        found = self._edge_credentials()
        return Credentials(found.access_key_id, found.secret_access_key), None

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        try:
            with aws.translate_aws_errors():
                yield
        except EdgeUnavailable:
            raise
        except ServiceUnavailable as error:
            raise EdgeUnavailable from error
        except (
            ClientError,
            ResponseParserError,
        ) as error:  # its operator has to look: for credentials, region or proxy
            code = aws.error_code(error) if isinstance(error, ClientError) else "not S3"
            observability.logger.error("edge.refused", extra={"event": "edge.refused", "code": code})
            raise EdgeUnavailable from error

    def require_reachable(self) -> None:
        if not _is_reachable(_window(_REACHABILITY_LIFETIME)):
            raise EdgeUnavailable

    def check(self) -> None:
        """Send a request. Raises EdgeUnavailable."""
        with self.translate_errors():
            self.client().head_bucket(Bucket=self.name)

    def _edge_credentials(self) -> EdgeCredentials:
        return _read_credentials(_window(_CREDENTIALS_LIFETIME))


def bucket_at(location: StorageLocation) -> Bucket:
    """Return the bucket of the originals at this location. Raises EdgeUnavailable if there is no edge store (any more)."""
    if location == "edge":
        return edge_bucket()
    return Bucket(settings().originals_bucket, settings().originals_url, settings().aws_region)


def edge_bucket() -> EdgeBucket:
    """Return the bucket of the edge store. Raises EdgeUnavailable if the deployment has none."""
    store = _get_edge_store()
    return EdgeBucket(store.bucket, f"{store.public_endpoint}/{store.bucket}", store.region)


def _get_edge_store() -> EdgeStore:
    store = settings().edge_store
    if store is None:
        raise EdgeUnavailable("This installation has no edge store any more. Ask its operator.")
    return store


@lru_cache(maxsize=1)
def _read_credentials(_window: int) -> EdgeCredentials:
    """Read the credentials, once in each window of time."""
    value = parameters.get(CREDENTIALS_PARAMETER)
    try:
        return EdgeCredentials.model_validate_json(value or "{}")
    except ValidationError:
        observability.logger.error("edge.no_credentials", extra={"event": "edge.no_credentials"})
        raise EdgeUnavailable from None  # the other error quotes the parameter, and a worker would log both


@lru_cache(maxsize=1)
def _is_reachable(_window: int) -> bool:
    """Return whether the edge store responds. One request in each window of time."""
    try:
        edge_bucket().check()
    except EdgeUnavailable:
        return False
    return True


@lru_cache(maxsize=1)
def _get_edge_client(store: EdgeStore, credentials: EdgeCredentials) -> Any:
    """Return a client that gives up soon: one second to connect, five to read, and two attempts."""
    config = Config(
        connect_timeout=1,
        read_timeout=5,
        retries={"total_max_attempts": 2, "mode": "standard"},
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return aws.session().create_client(
        "s3",
        endpoint_url=store.endpoint,
        region_name=store.region,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=config,
    )


def _window(lifetime: timedelta) -> int:
    return int(clock.now().timestamp() // lifetime.total_seconds())
