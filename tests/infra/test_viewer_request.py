"""What the edge says by itself, before the API is asked. The scripts run in Node, as they would in CloudFront."""

import json
import subprocess
from typing import Any

import pytest

from tests.infra.template import Template

_MIB = 1024 * 1024
_ALLOWED_ORIGIN = "http://localhost:5173"  # in the list of the stage


@pytest.fixture(scope="session")
def scripts(local_template: Template) -> dict[str, str]:
    """The scripts of the distribution, by what they stand before."""
    functions = local_template.properties("AWS::CloudFront::Function")
    return {"api" if "Api" in name else "console": str(one["FunctionCode"]) for name, one in functions.items()}


def test_the_viewers_address_overwrites_what_the_client_sent(scripts: dict[str, str]) -> None:
    request = _run_script(scripts["api"], headers={"x-holdall-viewer": "6.6.6.6"})

    assert request["headers"]["x-holdall-viewer"] == {"value": "203.0.113.9"}


@pytest.mark.parametrize(
    ("uri", "length", "passes"),
    [
        ("/api/v1/projects", str(256 * 1024), True),
        ("/api/v1/projects", str(256 * 1024 + 1), False),
        ("/api/v1/projects", "-1", True),
        ("/api/v1/projects", "many", False),
        ("/api/v1/upload/file", str(4 * _MIB), True),
        ("/api/v1/upload/file", str(4 * _MIB + 1), False),
        ("/api/v1/uploads/1/parts", str(_MIB), False),
    ],
)
def test_a_body_over_the_limit_is_refused_in_our_shape(
    scripts: dict[str, str], uri: str, length: str, *, passes: bool
) -> None:
    answer = _run_script(scripts["api"], uri=uri, method="POST", headers={"content-length": length})

    assert (answer.get("statusCode") != 413) is passes
    if not passes:
        problem = json.loads(answer["body"])
        assert answer["headers"]["content-type"] == {"value": "application/problem+json"}
        assert (problem["status"], problem["code"], problem["instance"]) == (413, "body_too_large", uri)
        assert problem["message"] == problem["detail"]
        assert problem["requestId"] == answer["headers"]["x-request-id"]["value"] == "id-of-the-edge"


@pytest.mark.parametrize(("sent", "kept"), [("mine-1", "mine-1"), ("not\nmine", "id-of-the-edge")])
def test_a_valid_request_id_is_kept(scripts: dict[str, str], sent: str, kept: str) -> None:
    answer = _run_script(scripts["api"], method="POST", headers={"content-length": "999999999", "x-request-id": sent})

    assert answer["headers"]["x-request-id"]["value"] == kept


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-csrf-token", "idempotency-key"])
def test_what_a_caller_proves_reaches_the_api_as_it_was_sent(scripts: dict[str, str], header: str) -> None:
    request = _run_script(scripts["api"], headers={header: "hk_Secret-1"})

    assert request["headers"][header] == {"value": "hk_Secret-1"}


def test_a_page_from_the_list_may_read_why_its_body_was_refused(scripts: dict[str, str]) -> None:
    answer = _run_script(
        scripts["api"], method="POST", headers={"origin": _ALLOWED_ORIGIN, "content-length": "999999999"}
    )

    assert answer["statusCode"] == 413
    assert answer["headers"]["access-control-allow-origin"] == {"value": _ALLOWED_ORIGIN}
    assert answer["headers"]["vary"] == {"value": "Origin"}


def test_a_page_from_elsewhere_may_not(scripts: dict[str, str]) -> None:
    headers = {"origin": "http://localhost:5174", "content-length": "999999999"}
    answer = _run_script(scripts["api"], method="POST", headers=headers)

    assert answer["statusCode"] == 413
    assert not [name for name in answer["headers"] if name.startswith("access-control")]


def test_a_preflight_from_the_list_is_answered(scripts: dict[str, str]) -> None:
    answer = _preflight(scripts["api"], _ALLOWED_ORIGIN)

    assert answer["statusCode"] == 204
    assert answer["headers"]["access-control-allow-origin"] == {"value": _ALLOWED_ORIGIN}
    assert answer["headers"]["vary"] == {"value": "Origin"}
    assert "access-control-allow-credentials" not in answer["headers"]


def test_a_preflight_names_every_method_and_header_of_the_contract(scripts: dict[str, str]) -> None:
    answer = _preflight(scripts["api"], _ALLOWED_ORIGIN)

    assert _header_values(answer, "access-control-allow-methods") == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
    assert _header_values(answer, "access-control-allow-headers") == {
        "authorization",
        "content-type",
        "idempotency-key",
        "x-api-key",
        "x-csrf-token",
        "x-request-id",
    }


@pytest.mark.parametrize("origin", ["http://localhost:5174", "null", "http://localhost:5173.example.com", ""])
def test_a_preflight_from_elsewhere_is_refused(scripts: dict[str, str], origin: str) -> None:
    answer = _preflight(scripts["api"], origin)

    assert answer["statusCode"] == 403
    assert "access-control-allow-origin" not in answer["headers"]


def test_options_that_is_no_preflight_goes_on_to_the_api(scripts: dict[str, str]) -> None:
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
def test_what_is_no_file_is_a_place_in_the_console(scripts: dict[str, str], uri: str, page: str) -> None:
    assert _run_script(scripts["console"], uri=uri)["uri"] == page


def test_scripts_are_as_small_as_cloudfront_wants(scripts: dict[str, str]) -> None:
    assert all(len(script.encode()) <= 10 * 1024 for script in scripts.values())


def _header_values(response: dict[str, Any], header: str) -> set[str]:
    return set(response["headers"][header]["value"].split(", "))


def _preflight(script: str, origin: str) -> dict[str, Any]:
    return _run_script(script, method="OPTIONS", headers={"origin": origin, "access-control-request-method": "POST"})


def _run_script(
    script: str, *, uri: str = "/api/v1/projects", method: str = "GET", headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """What the script makes of a request: the request, or a response of its own."""
    event = {
        "context": {"requestId": "id-of-the-edge"},
        "viewer": {"ip": "203.0.113.9"},
        "request": {
            "uri": uri,
            "method": method,
            "headers": {name: {"value": value} for name, value in (headers or {}).items()},
        },
    }
    program = f"{script}\nconsole.log(JSON.stringify(handler({json.dumps(event)})))"
    done = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
