"""Presigned URLs: the signed headers and parameters, and the time for which they are valid (U1, U6)."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.session import Session

from holdall.files.names import content_disposition
from holdall.platform import aws, clock, presigning
from tests.support.factories import FROZEN_TIME

KEY = "holiday-0123456789ab/files/01arz3ndektsv4rrffq69g5fav.txt"
SHA256 = "ab" * 32


@pytest.fixture(autouse=True)
def _own_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign with these credentials, because those of the process may be moto's when other suites ran in it before."""
    use_credentials(monkeypatch, Credentials("AKIATEST", "secret-of-tests"))


def presign_put(sha256: str | None = SHA256) -> presigning.PresignedUrl:
    return presigning.presign_put(KEY, size=7, content_type="text/plain", sha256=sha256, expires_in=900)


def parse_query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def test_put_signs_size_type_checksum_and_condition() -> None:
    presigned = presign_put()

    query = parse_query(presigned.url)
    assert query["X-Amz-SignedHeaders"].split(";") == [
        "content-length",
        "content-type",
        "host",
        "if-none-match",
        "x-amz-checksum-sha256",
    ]
    assert query["X-Amz-Expires"] == "900"
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert presigned.method == "PUT"


def test_presigned_url_lists_the_headers_to_send() -> None:
    assert presign_put().headers == {
        "content-type": "text/plain",
        "if-none-match": "*",
        "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(SHA256)).decode(),
    }


def test_put_without_checksum_signs_none() -> None:
    presigned = presign_put(None)

    assert "x-amz-checksum-sha256" not in presigned.headers
    assert parse_query(presigned.url)["X-Amz-SignedHeaders"] == "content-length;content-type;host;if-none-match"


@pytest.mark.parametrize(
    "other",
    [
        lambda: presigning.presign_put(KEY, size=8, content_type="text/plain", sha256=SHA256, expires_in=900),
        lambda: presigning.presign_put(KEY, size=7, content_type="text/html", sha256=SHA256, expires_in=900),
        lambda: presigning.presign_put(KEY, size=7, content_type="text/plain", sha256="cd" * 32, expires_in=900),
        lambda: presigning.presign_put(KEY + "x", size=7, content_type="text/plain", sha256=SHA256, expires_in=900),
        lambda: presigning.presign_put(KEY, size=7, content_type="text/plain", sha256=None, expires_in=900),
    ],
)
def test_signature_depends_on_size_type_content_and_key(
    monkeypatch: pytest.MonkeyPatch, other: Callable[[], presigning.PresignedUrl]
) -> None:
    freeze_signing_time(monkeypatch)
    first, same, different = (parse_query(each().url)["X-Amz-Signature"] for each in (presign_put, presign_put, other))

    assert first == same != different


def test_put_is_to_the_bucket_of_originals() -> None:
    split = urlsplit(presign_put().url)

    assert f"{split.scheme}://{split.netloc}" == "https://originals.s3.eu-central-1.amazonaws.com"
    assert unquote(split.path) == f"/{KEY}"


def test_get_has_version_disposition_and_type_and_is_valid_for_five_minutes() -> None:
    presigned = presigning.presign_get(
        "originals", KEY, version_id="v/1+", disposition='attachment; filename="a b.txt"', content_type="text/plain"
    )

    query = parse_query(presigned.url)
    assert query["versionId"] == "v/1+"
    assert query["response-content-disposition"] == 'attachment; filename="a b.txt"'
    assert query["response-content-type"] == "text/plain"
    assert query["X-Amz-Expires"] == "300"
    assert query["X-Amz-SignedHeaders"] == "host"
    assert (presigned.method, presigned.headers) == ("GET", {})


def test_get_of_a_variant_is_from_the_bucket_of_variants() -> None:
    presigned = presigning.presign_get(
        "variants", "private/x", version_id=None, disposition="inline", content_type="image/webp"
    )

    assert presigned.url.startswith("https://variants.s3.eu-central-1.amazonaws.com/private/x?")
    assert "versionId" not in parse_query(presigned.url)


@pytest.mark.parametrize("token", [None, "a/token+with=signs"])
def test_get_is_signed_like_botocore_signs_it(monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    freeze_signing_time(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: datetime(2030, 1, 1, microsecond=7, tzinfo=UTC))
    credentials = Credentials("AKIATEST", "secret-of-tests", token)
    use_credentials(monkeypatch, credentials)
    presigned = presigning.presign_get(
        "originals",
        "a b/\u00e9~'(1)*.txt",
        version_id="v/1+",
        disposition="attachment; filename*=UTF-8''a%20%C3%A9.txt",
        content_type="text/plain",
    )

    query = parse_query(presigned.url)
    signature = query.pop("X-Amz-Signature")
    own = {name: value for name, value in query.items() if not name.startswith("X-Amz-")}
    request = AWSRequest("GET", presigned.url.partition("?")[0], params=own)
    S3SigV4QueryAuth(credentials, "s3", "eu-central-1", expires=300).add_auth(request)
    expected = parse_query(str(request.url))
    assert (expected.pop("X-Amz-Signature"), expected) == (signature, query)


def test_url_of_the_longest_name_leaves_room_for_the_headers_of_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    use_credentials(monkeypatch, Credentials("A" * 20, "s" * 40, "a" * 1200))  # about the size of a role's token

    presigned = presigning.presign_get(
        "originals",
        f"{'a' * 50}-0123456789ab/images/original/01arz3ndektsv4rrffq69g5fav.jpeg",
        version_id="v" * 32,
        disposition=content_disposition("attachment", "\U0001f600" * 255),
        content_type="application/octet-stream",
    )

    # S3 takes 8192 bytes of headers and query parameters (Amazon S3 API reference, RequestHeaderSectionTooLarge).
    assert len(presigned.url) <= 7 * 1024


def test_shared_url_is_the_same_for_two_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2030, 1, 1, 12, 34, tzinfo=UTC)

    def presign_after(seconds: float) -> presigning.PresignedUrl:
        monkeypatch.setattr(clock, "now", lambda: start + timedelta(seconds=seconds))
        return presigning.presign_shared_get("variants", "private/x.webp")

    first = presign_after(0)
    assert first.expires_at == start + timedelta(minutes=5)
    assert presign_after(119.9) == first
    assert presign_after(120).url != first.url
    assert presign_after(120).expires_at == start + timedelta(minutes=7)
    query = parse_query(first.url)
    assert (query["X-Amz-Date"], query["X-Amz-Expires"]) == ("20300101T123400Z", "300")
    # Browsers keep the image, and no other cache does.
    assert query["response-cache-control"] == "private, max-age=300"
    assert query["response-content-disposition"] == "inline"


def test_shared_url_expires_with_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    expires_at = use_temporary_credentials(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: expires_at - timedelta(seconds=30))

    assert presigning.presign_shared_get("variants", "private/x.webp").expires_at == expires_at


def test_shared_url_changes_with_the_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: FROZEN_TIME)
    urls = set()
    for token in ("first", "second"):
        use_credentials(monkeypatch, Credentials("AKIATEST", "secret-of-tests", token))
        urls |= {presigning.presign_shared_get("variants", "private/x.webp").url for _ in range(2)}

    assert len(urls) == 2


def test_presigned_url_has_an_expiry_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: FROZEN_TIME)

    assert presign_put().expires_at == FROZEN_TIME + timedelta(minutes=15)


def test_form_has_a_policy_with_the_bucket_the_fields_and_the_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    freeze_signing_time(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: FROZEN_TIME)

    form = presign_post()

    own = {"key": KEY, "Content-Type": "text/plain", "success_action_status": "201"}
    signer = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": "AKIATEST/20300101/eu-central-1/s3/aws4_request",
        "x-amz-date": "20300101T000000Z",
    }
    assert json.loads(base64.b64decode(form.fields["policy"])) == {
        "expiration": "2030-01-02T03:19:05Z",
        "conditions": [
            {"bucket": "originals"},
            *({name: value} for name, value in own.items()),
            ["content-length-range", 3, 7],
            *({name: value} for name, value in signer.items()),
        ],
    }
    assert form.fields.keys() == own.keys() | signer.keys() | {"policy", "x-amz-signature"}
    assert form.expires_at == FROZEN_TIME + timedelta(minutes=15)


def test_clients_find_the_object_of_a_form_at_its_url_and_key() -> None:
    form = presign_post()

    assert form.url + form.fields["key"] == f"https://originals.s3.eu-central-1.amazonaws.com/{KEY}"


def test_signature_of_a_form_is_that_of_its_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    freeze_signing_time(monkeypatch)
    form, larger = presign_post(), presign_post(max_size=8)

    # Amazon S3 API reference, "Authenticating Requests in Browser-Based Uploads Using POST".
    signing_key = b"AWS4secret-of-tests"
    for part in ("20300101", "eu-central-1", "s3", "aws4_request"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    for each in (form, larger):
        expected = hmac.digest(signing_key, each.fields["policy"].encode(), "sha256").hex()
        assert each.fields["x-amz-signature"] == expected
    assert form.fields["x-amz-signature"] != larger.fields["x-amz-signature"]


def test_form_of_temporary_credentials_has_their_token_and_expires_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    expires_at = use_temporary_credentials(monkeypatch)

    form = presign_post()

    policy = json.loads(base64.b64decode(form.fields["policy"]))
    assert form.fields["x-amz-security-token"] == "token"
    assert {"x-amz-security-token": "token"} in policy["conditions"]
    assert form.expires_at == datetime.fromisoformat(policy["expiration"]) == expires_at


def presign_post(max_size: int = 7) -> presigning.PresignedPost:
    return presigning.presign_post(KEY, min_size=3, max_size=max_size, content_type="text/plain", expires_in=900)


def test_presigned_url_expires_with_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    expires_at = use_temporary_credentials(monkeypatch)

    assert presign_put().expires_at == expires_at


def use_temporary_credentials(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Let the credentials of the process expire in eleven minutes, and return that time."""
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=11)
    metadata = {
        "access_key": "AKIATEST",
        "secret_key": "secret",
        "token": "token",
        "expiry_time": expires_at.isoformat(),
    }
    use_credentials(
        monkeypatch,
        RefreshableCredentials.create_from_metadata(metadata, refresh_using=lambda: metadata, method="test"),
    )
    return expires_at


def use_credentials(monkeypatch: pytest.MonkeyPatch, credentials: Credentials) -> None:
    session = Session()
    monkeypatch.setattr(session, "get_credentials", lambda: credentials)
    monkeypatch.setattr(aws, "session", lambda: session)


def freeze_signing_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # botocore reads the time of the system.
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *, remove_tzinfo=True: datetime(2030, 1, 1))  # noqa: DTZ001
