"""The OpenAPI document, and a page that shows it."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response, openapi
from aws_lambda_powertools.event_handler.openapi import params

from holdall.http.app import Router
from holdall.http.auth import public
from holdall.http.responses import documented

router = Router()

# The package of the function has the layout of the source tree, so this path is right in both.
_OPENAPI_PATH = Path(__file__).parents[2] / "docs" / "openapi.json"
_SWAGGER_UI = Path(openapi.__file__).parent / "swagger_ui"  # Powertools contains a copy, which it keeps up to date
_ASSETS = {
    "swagger-ui.css": (_SWAGGER_UI / "swagger-ui.min.css", "text/css"),
    "swagger-ui.js": (_SWAGGER_UI / "swagger-ui-bundle.min.js", "text/javascript"),
    "start.js": (Path(__file__).with_name("start.js"), "text/javascript"),
}
# Swagger UI sets styles on its elements and uses data URLs for its images. Scripts come from this origin only.
_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
)
_DOCS_HTML = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Holdall API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="api"></div>
<script src="docs/swagger-ui.js"></script>
<script src="docs/start.js"></script>
</html>
"""

Asset = Annotated[Literal["swagger-ui.css", "swagger-ui.js", "start.js"], params.Path()]


@router.get(
    "/openapi.json",
    guard=public(),
    summary="OpenAPI document",
    responses={200: documented("This document.", dict[str, object])},
)
def get_openapi_document() -> Response[str]:
    return _text_response(_read(_OPENAPI_PATH), "application/json", max_age=60)


@router.get(
    "/docs",
    guard=public(),
    summary="API documentation",
    responses={200: documented("The page.", str, media_type="text/html")},
)
def get_docs_page() -> Response[str]:
    return _text_response(_DOCS_HTML, "text/html; charset=utf-8", max_age=60)


@router.get(
    "/docs/<asset>",
    guard=public(),
    summary="Docs asset",
    responses={200: documented("A style sheet or a script.", str, media_type="text/*")},
)
def get_docs_asset(asset: Asset) -> Response[str]:
    path, media_type = _ASSETS[asset]
    return _text_response(_read(path), f"{media_type}; charset=utf-8", max_age=86400)


def _text_response(body: str, content_type: str, *, max_age: int) -> Response[str]:
    headers = {"cache-control": f"public, max-age={max_age}", "content-security-policy": _CONTENT_SECURITY_POLICY}
    return Response(200, content_type, body, headers)


@cache
def _read(path: Path) -> str:
    return path.read_text()
