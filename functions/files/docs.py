"""/openapi.json and /docs: the contract, for programs and for people."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response, openapi
from aws_lambda_powertools.event_handler.openapi import params

from holdall.http import Router, public
from holdall.platform.caller import ClientInfo

router = Router()

# The function's package keeps the shape of the tree, so this path holds at the desk and in Lambda.
_DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
# Powertools brings Swagger UI along; a copy of ours would only age.
_SWAGGER = Path(openapi.__file__).parent / "swagger_ui"
_ASSETS = {
    "swagger-ui.css": (_SWAGGER / "swagger-ui.min.css", "text/css"),
    "swagger-ui.js": (_SWAGGER / "swagger-ui-bundle.min.js", "text/javascript"),
    "start.js": (Path(__file__).with_name("start.js"), "text/javascript"),
}
# Swagger UI writes styles into its elements, and its pictures are data URLs; scripts are ours alone.
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


@router.get("/openapi.json", summary="OpenAPI document")
def get_openapi_document(client: Annotated[ClientInfo, public()]) -> Response[str]:  # noqa: ARG001  # stands for the door
    return _text_response(_read(_DOCUMENT), "application/json", max_age=60)


@router.get("/docs", summary="API documentation")
def get_docs_page(client: Annotated[ClientInfo, public()]) -> Response[str]:  # noqa: ARG001  # stands for the door
    return _text_response(_DOCS_HTML, "text/html; charset=utf-8", max_age=60)


@router.get("/docs/<asset>", summary="Docs asset")
def get_docs_asset(client: Annotated[ClientInfo, public()], asset: Asset) -> Response[str]:  # noqa: ARG001  # stands for the door
    path, media_type = _ASSETS[asset]
    return _text_response(_read(path), f"{media_type}; charset=utf-8", max_age=86400)


def _text_response(body: str, media_type: str, *, max_age: int) -> Response[str]:
    headers = {"cache-control": f"public, max-age={max_age}", "content-security-policy": _CONTENT_SECURITY_POLICY}
    return Response(status_code=200, content_type=media_type, body=body, headers=headers)


@cache
def _read(path: Path) -> str:
    return path.read_text()
