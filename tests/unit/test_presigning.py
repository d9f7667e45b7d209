"""Presigned URLs: what is signed, for how long, and whose credentials end them (U1, U6)."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from botocore.credentials import RefreshableCredentials
from botocore.session import Session

from holdall.platform import aws, clock, storage
from tests.support.factories import FROZEN_TIME

KEY = "holiday-0123456789ab/files/01arz3ndektsv4rrffq69g5fav.txt"
SHA256 = "ab" * 32


def presign_put(sha256: str | None = SHA256) -> storage.PresignedUrl:
    return storage.presign_put(KEY, size=7, content_type="text/plain", sha256=sha256)


def parse_query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def test_a_put_signs_size_type_checksum_and_that_nothing_is_there() -> None:
    signed = presign_put()

    asked = parse_query(signed.url)
    assert asked["X-Amz-SignedHeaders"].split(";") == [
        "content-length",
        "content-type",
        "host",
        "if-none-match",
        "x-amz-checksum-sha256",
    ]
    assert asked["X-Amz-Expires"] == "900"
    assert asked["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert signed.method == "PUT"


def test_a_client_is_told_the_headers_that_it_must_send() -> None:
    assert presign_put().headers == {
        "content-type": "text/plain",
        "if-none-match": "*",
        "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(SHA256)).decode(),
    }


def test_without_a_checksum_none_is_signed() -> None:
    signed = presign_put(None)

    assert "x-amz-checksum-sha256" not in signed.headers
    assert parse_query(signed.url)["X-Amz-SignedHeaders"] == "content-length;content-type;host;if-none-match"


@pytest.mark.parametrize(
    "other",
    [
        lambda: storage.presign_put(KEY, size=8, content_type="text/plain", sha256=SHA256),
        lambda: storage.presign_put(KEY, size=7, content_type="text/html", sha256=SHA256),
        lambda: storage.presign_put(KEY, size=7, content_type="text/plain", sha256="cd" * 32),
        lambda: storage.presign_put(KEY + "x", size=7, content_type="text/plain", sha256=SHA256),
        lambda: storage.presign_put(KEY, size=7, content_type="text/plain", sha256=None),
    ],
)
def test_another_size_type_content_or_key_has_another_signature(
    monkeypatch: pytest.MonkeyPatch, other: Callable[[], storage.PresignedUrl]
) -> None:
    freeze_signing_time(monkeypatch)
    mine, same, theirs = (parse_query(each().url)["X-Amz-Signature"] for each in (presign_put, presign_put, other))

    assert mine == same != theirs


def test_a_put_goes_to_the_bucket_of_originals() -> None:
    split = urlsplit(presign_put().url)

    assert f"{split.scheme}://{split.netloc}" == "https://originals.s3.eu-central-1.amazonaws.com"
    assert unquote(split.path) == f"/{KEY}"


def test_a_get_names_version_name_and_type_and_lasts_five_minutes() -> None:
    signed = storage.presign_get(
        "originals", KEY, version_id="v/1+", disposition='attachment; filename="a b.txt"', content_type="text/plain"
    )

    asked = parse_query(signed.url)
    assert asked["versionId"] == "v/1+"
    assert asked["response-content-disposition"] == 'attachment; filename="a b.txt"'
    assert asked["response-content-type"] == "text/plain"
    assert asked["X-Amz-Expires"] == "300"
    assert asked["X-Amz-SignedHeaders"] == "host"
    assert (signed.method, signed.headers) == ("GET", {})


def test_a_get_of_a_variant_goes_to_the_bucket_of_variants() -> None:
    signed = storage.presign_get(
        "variants", "private/x", version_id=None, disposition="inline", content_type="image/webp"
    )

    assert signed.url.startswith("https://variants.s3.eu-central-1.amazonaws.com/private/x?")
    assert "versionId" not in parse_query(signed.url)


def test_a_url_says_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: FROZEN_TIME)

    assert presign_put().expires_at == FROZEN_TIME + timedelta(minutes=15)


def test_a_url_never_outlives_the_credentials_that_signed_it(monkeypatch: pytest.MonkeyPatch) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=11)
    told = {"access_key": "AKIATEST", "secret_key": "secret", "token": "token", "expiry_time": until.isoformat()}
    lent = RefreshableCredentials.create_from_metadata(told, refresh_using=lambda: told, method="test")
    session = Session()
    monkeypatch.setattr(session, "get_credentials", lambda: lent)
    monkeypatch.setattr(aws, "session", lambda: session)

    assert presign_put().expires_at == until


def freeze_signing_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # botocore asks the system for the time that it signs.
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *, remove_tzinfo=True: datetime(2030, 1, 1))  # noqa: DTZ001
