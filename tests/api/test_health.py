"""Health checks, the public keys of access tokens, and the documentation."""

import json
from unittest.mock import Mock

import jwt
import pytest

from holdall.platform import ses
from tests.support import contract, faults
from tests.support.client import Client
from tests.support.clock import FrozenClock


def test_health_responds(anonymous: Client) -> None:
    assert anonymous.get("/health").data() == {"status": "ok"}


def test_readiness_checks_dynamodb_and_s3(anonymous: Client) -> None:
    readiness = anonymous.get("/health/ready").data()

    assert readiness["status"] == "ok"
    assert {name: check["status"] for name, check in readiness["checks"].items()} == {"dynamodb": "ok", "s3": "ok"}
    assert all(check["milliseconds"] >= 0 for check in readiness["checks"].values())


@pytest.mark.parametrize("down", ["dynamodb", "s3"])
def test_readiness_names_the_dependency_that_is_down(
    anonymous: Client, monkeypatch: pytest.MonkeyPatch, frozen_clock: FrozenClock, down: str
) -> None:
    with faults.inject_faults(monkeypatch, -1, "refused", down):
        response = anonymous.get("/health/ready")

    assert (response.status, response.headers["retry-after"]) == (503, "10")
    checks = response.json()["data"]["checks"]
    assert {name for name, check in checks.items() if check["status"] == "down"} == {down}
    frozen_clock.advance(seconds=10)
    assert anonymous.get("/health/ready").status == 200


def test_readiness_is_found_once_for_many_requests(
    anonymous: Client, monkeypatch: pytest.MonkeyPatch, frozen_clock: FrozenClock
) -> None:
    get_account = Mock(return_value=False)
    monkeypatch.setattr(ses, "is_in_sandbox", get_account)
    with faults.inject_faults(monkeypatch) as seen:
        for _ in range(20):
            assert anonymous.get("/health/ready").status == 200
        assert (len(seen.calls), get_account.call_count) == (2, 1)
        frozen_clock.advance(seconds=10)
        anonymous.get("/health/ready")
        assert (len(seen.calls), get_account.call_count) == (4, 1)
        frozen_clock.advance(seconds=60)
        anonymous.get("/health/ready")
        assert get_account.call_count == 2


def test_health_calls_no_dependency(anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with faults.inject_faults(monkeypatch, -1, "refused", "dynamodb", "s3") as seen:
        assert anonymous.get("/health").status == 200
    assert seen.calls == []


def test_published_keys_verify_an_access_token(client: Client, anonymous: Client) -> None:
    response = anonymous.get("/.well-known/jwks.json")
    keys = jwt.PyJWKSet.from_dict(response.json())
    kid = jwt.get_unverified_header(str(client.access_token))["kid"]

    claims = jwt.decode(str(client.access_token), keys[kid], algorithms=["ES256"], audience="holdall")
    assert claims["sub"] == client.user["id"]
    assert response.headers["cache-control"] == "public, max-age=300"


def test_published_keys_have_no_private_part(client: Client, anonymous: Client) -> None:
    keys = anonymous.get("/.well-known/jwks.json").json()["keys"]

    assert keys
    assert {name for key in keys for name in key} == {"kty", "crv", "x", "y", "kid", "alg", "use"}


def test_openapi_document_is_served(anonymous: Client) -> None:
    response = anonymous.get("/openapi.json")

    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.text) == contract.load_openapi()
    assert response.json()["openapi"].startswith("3.1")


def test_docs_page_loads_nothing_from_other_origins(anonymous: Client) -> None:
    page = anonymous.get("/docs")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "http" not in page.text.replace("<!doctype html>", "")
    assert "'unsafe-inline'" not in page.headers["content-security-policy"].partition("style-src")[0]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("swagger-ui.css", "text/css"), ("swagger-ui.js", "text/javascript"), ("start.js", "text/javascript")],
)
def test_docs_assets_are_served(anonymous: Client, name: str, media_type: str) -> None:
    response = anonymous.get(f"/docs/{name}")

    assert name in anonymous.get("/docs").text
    assert (response.status, response.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
    assert len(response.text) > 50
    assert response.headers["cache-control"] == "public, max-age=86400"


def test_other_files_are_not_served(anonymous: Client) -> None:
    for name in ("docs.py", "..%2Fdocs.py", "swagger-ui", "%00"):
        assert anonymous.get(f"/docs/{name}").status in (404, 422)
