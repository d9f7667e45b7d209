"""The CloudFront functions. The tests run their scripts in Node."""

import json
import subprocess
from typing import Any

import pytest

from holdall.http.body import BodyTooLarge
from holdall.http.file_body import MAX_BODY_BYTES, FileTooLarge
from holdall.platform.errors import PayloadTooLarge
from tests.infra.template import Template

_MIB = 1024 * 1024
_ALLOWED_ORIGIN = "http://localhost:5173"  # in the stage `local`


@pytest.fixture(scope="session")
def scripts(local_template: Template) -> dict[str, str]:
    """Return the scripts by behavior."""
    functions = local_template.properties("AWS::CloudFront::Function")
    return {"api" if "Api" in name else "console": str(each["FunctionCode"]) for name, each in functions.items()}


def test_client_ip_overwrites_the_header_of_the_client(scripts: dict[str, str]) -> None:
    request = _run_script(scripts["api"], headers={"x-holdall-viewer": "6.6.6.6"})

    assert request["headers"]["x-holdall-viewer"] == {"value": "203.0.113.9"}


@pytest.mark.parametrize(
    ("uri", "length", "passes"),
    [
        ("/api/v1/projects", str(256 * 1024), True),
        ("/api/v1/projects", str(256 * 1024 + 1), False),
        ("/api/v1/projects", "-1", True),
        ("/api/v1/projects", "many", False),
        ("/api/v1/upload/file", str(MAX_BODY_BYTES), True),
        ("/api/v1/upload/image", str(MAX_BODY_BYTES), True),
        ("/api/v1/upload/file", str(MAX_BODY_BYTES + 1), False),
        ("/api/v1/uploads/1/parts", str(_MIB), False),
        ("/api/v1/u/token/s3/multipart/1/complete", str(_MIB), True),
        ("/api/v1/u/token/s3/multipart/1/complete", str(_MIB + 1), False),
    ],
)
def test_body_over_the_limit_is_rejected_with_a_problem(
    scripts: dict[str, str], uri: str, length: str, *, passes: bool
) -> None:
    response = _run_script(scripts["api"], uri=uri, method="POST", headers={"content-length": length})

    assert (response.get("statusCode") != 413) is passes
    if not passes:
        problem = json.loads(response["body"])
        assert response["headers"]["content-type"] == {"value": "application/problem+json"}
        assert (problem["status"], problem["code"]) == (413, "body_too_large")
        assert problem["instance"] == "urn:holdall:request:id-of-cloudfront"
        assert uri not in response["body"], "The path may contain a token."
        assert problem["message"] == problem["detail"]
        assert problem["requestId"] == response["headers"]["x-request-id"]["value"] == "id-of-cloudfront"


@pytest.mark.parametrize("uri", ["/s/hs_token", "/s/hs_token/upload"])
def test_form_with_too_large_a_file_leads_back_to_its_page(scripts: dict[str, str], uri: str) -> None:
    fits, exceeds = (
        _run_script(scripts["api"], uri=uri, method="POST", headers={"content-length": str(length)})
        for length in (MAX_BODY_BYTES, MAX_BODY_BYTES + 1)
    )

    assert fits["uri"] == uri
    assert exceeds["statusCode"] == 303
    assert exceeds["headers"]["location"] == {"value": "/s/hs_token?tooLarge=true"}


@pytest.mark.parametrize(("uri", "error"), [("/api/v1/projects", BodyTooLarge), ("/api/v1/upload/file", FileTooLarge)])
def test_problem_says_the_same_as_the_function(scripts: dict[str, str], uri: str, error: type[PayloadTooLarge]) -> None:
    response = _run_script(scripts["api"], uri=uri, method="POST", headers={"content-length": "999999999"})

    problem = json.loads(response["body"])
    assert (problem["code"], problem["detail"]) == (error.code, error.detail)


@pytest.mark.parametrize(("sent", "expected"), [("mine-1", "mine-1"), ("not\nmine", "id-of-cloudfront")])
def test_valid_request_id_is_kept(scripts: dict[str, str], sent: str, expected: str) -> None:
    response = _run_script(scripts["api"], method="POST", headers={"content-length": "999999999", "x-request-id": sent})

    assert response["headers"]["x-request-id"]["value"] == expected


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-csrf-token", "idempotency-key"])
def test_credentials_are_forwarded_unchanged(scripts: dict[str, str], header: str) -> None:
    request = _run_script(scripts["api"], headers={header: "hk_Secret-1"})

    assert request["headers"][header] == {"value": "hk_Secret-1"}


def test_allowed_origin_can_read_the_problem(scripts: dict[str, str]) -> None:
    response = _run_script(
        scripts["api"], method="POST", headers={"origin": _ALLOWED_ORIGIN, "content-length": "999999999"}
    )

    assert response["statusCode"] == 413
    assert response["headers"]["access-control-allow-origin"] == {"value": _ALLOWED_ORIGIN}
    assert response["headers"]["vary"] == {"value": "Origin"}


def test_other_origin_cannot_read_the_problem(scripts: dict[str, str]) -> None:
    headers = {"origin": "http://localhost:5174", "content-length": "999999999"}
    response = _run_script(scripts["api"], method="POST", headers=headers)

    assert response["statusCode"] == 413
    assert not [name for name in response["headers"] if name.startswith("access-control")]


def test_preflight_of_an_allowed_origin_is_accepted(scripts: dict[str, str]) -> None:
    response = _preflight(scripts["api"], _ALLOWED_ORIGIN)

    assert response["statusCode"] == 204
    assert response["headers"]["access-control-allow-origin"] == {"value": _ALLOWED_ORIGIN}
    assert response["headers"]["vary"] == {"value": "Origin"}
    assert "access-control-allow-credentials" not in response["headers"]


def test_preflight_allows_every_method_and_header_of_the_api(scripts: dict[str, str]) -> None:
    response = _preflight(scripts["api"], _ALLOWED_ORIGIN)

    assert _header_values(response, "access-control-allow-methods") == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
    assert _header_values(response, "access-control-allow-headers") == {
        "authorization",
        "content-type",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "uppy-auth-token",
        "uppy-credentials-params",
        "x-api-key",
        "x-csrf-token",
        "x-request-id",
    }


@pytest.mark.parametrize("origin", ["http://localhost:5174", "null", "http://localhost:5173.example.com", ""])
def test_preflight_of_another_origin_is_rejected(scripts: dict[str, str], origin: str) -> None:
    response = _preflight(scripts["api"], origin)

    assert response["statusCode"] == 403
    assert "access-control-allow-origin" not in response["headers"]


def test_options_without_preflight_headers_is_forwarded(scripts: dict[str, str]) -> None:
    assert _run_script(scripts["api"], method="OPTIONS")["uri"] == "/api/v1/projects"


@pytest.mark.parametrize(
    ("uri", "page"),
    [
        ("/", "/index.html"),
        ("/projects/1", "/index.html"),
        ("/v1.0/files", "/index.html"),
        ("/assets/app-1.js", "/assets/app-1.js"),
    ],
)
def test_path_without_a_file_is_a_route_of_the_console(scripts: dict[str, str], uri: str, page: str) -> None:
    assert _run_script(scripts["console"], uri=uri)["uri"] == page


def test_scripts_are_within_the_size_limit_of_cloudfront(scripts: dict[str, str]) -> None:
    assert all(len(script.encode()) <= 10 * 1024 for script in scripts.values())


def _header_values(response: dict[str, Any], header: str) -> set[str]:
    return set(response["headers"][header]["value"].split(", "))


def _preflight(script: str, origin: str) -> dict[str, Any]:
    return _run_script(script, method="OPTIONS", headers={"origin": origin, "access-control-request-method": "POST"})


def _run_script(
    script: str, *, uri: str = "/api/v1/projects", method: str = "GET", headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the result of the script: the request, or a response."""
    event = {
        "context": {"requestId": "id-of-cloudfront"},
        "viewer": {"ip": "203.0.113.9"},
        "request": {
            "uri": uri,
            "method": method,
            "headers": {name: {"value": value} for name, value in (headers or {}).items()},
        },
    }
    program = f"{script}\nconsole.log(JSON.stringify(handler({json.dumps(event)})))"
    node = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(node.stdout)
    return result
