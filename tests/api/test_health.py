"""Health, the keys of tokens, and the documents."""

import json

import jwt
import pytest

from tests.support import contract, faults
from tests.support.client import Client


def test_health_says_that_somebody_answers(anonymous: Client) -> None:
    assert anonymous.get("/health").data() == {"status": "ok"}


def test_ready_asks_each_store(anonymous: Client) -> None:
    ready = anonymous.get("/health/ready").data()

    assert ready["status"] == "ok"
    assert {name: check["status"] for name, check in ready["checks"].items()} == {"dynamodb": "ok", "s3": "ok"}
    assert all(check["milliseconds"] >= 0 for check in ready["checks"].values())


@pytest.mark.parametrize("down", ["dynamodb", "s3"])
def test_ready_says_which_store_is_down(anonymous: Client, monkeypatch: pytest.MonkeyPatch, down: str) -> None:
    with faults.inject_faults(monkeypatch, -1, "refused", down):
        answer = anonymous.get("/health/ready")

    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    checks = answer.json()["data"]["checks"]
    assert {name for name, check in checks.items() if check["status"] == "down"} == {down}
    assert anonymous.get("/health/ready").status == 200


def test_health_needs_no_store(anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with faults.inject_faults(monkeypatch, -1, "refused", "dynamodb", "s3") as seen:
        assert anonymous.get("/health").status == 200
    assert seen.calls == []


def test_the_public_keys_verify_a_token(client: Client, anonymous: Client) -> None:
    answer = anonymous.get("/.well-known/jwks.json")
    keys = jwt.PyJWKSet.from_dict(answer.json())
    kid = jwt.get_unverified_header(str(client.access_token))["kid"]

    claims = jwt.decode(str(client.access_token), keys[kid], algorithms=["ES256"], audience="holdall")
    assert claims["sub"] == client.user["id"]
    assert answer.headers["cache-control"] == "public, max-age=300"


def test_no_private_half_is_shown(client: Client, anonymous: Client) -> None:
    keys = anonymous.get("/.well-known/jwks.json").json()["keys"]

    assert keys
    assert {name for key in keys for name in key} == {"kty", "crv", "x", "y", "kid", "alg", "use"}


def test_the_contract_is_the_documents(anonymous: Client) -> None:
    answer = anonymous.get("/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.text) == contract.load_openapi()
    assert answer.json()["openapi"].startswith("3.1")


def test_the_page_of_the_contract_is_made_of_our_own_parts(anonymous: Client) -> None:
    page = anonymous.get("/docs")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "http" not in page.text.replace("<!doctype html>", "")
    assert "'unsafe-inline'" not in page.headers["content-security-policy"].partition("style-src")[0]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("swagger-ui.css", "text/css"), ("swagger-ui.js", "text/javascript"), ("start.js", "text/javascript")],
)
def test_each_part_of_the_page_is_there(anonymous: Client, name: str, media_type: str) -> None:
    answer = anonymous.get(f"/docs/{name}")

    assert name in anonymous.get("/docs").text
    assert (answer.status, answer.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
    assert len(answer.text) > 50
    assert answer.headers["cache-control"] == "public, max-age=86400"


def test_no_other_file_is_a_part_of_the_page(anonymous: Client) -> None:
    for name in ("documents.py", "..%2Fdocuments.py", "swagger-ui", "%00"):
        assert anonymous.get(f"/docs/{name}").status in (404, 422)
