"""docs/api.md: the routes at a glance, for people, made from the OpenAPI document."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

API_PAGE_PATH = Path(__file__).parents[2] / "docs" / "api.md"
_BASE_PATH = "/api/v1"
_INTRODUCTION = """# The API at a glance

Made from the code by `make openapi`. Fields, limits and answers of each route are in [openapi.json](openapi.json); a running Holdall shows them at
`/api/v1/docs`, to be tried. All paths begin with `/api/v1`; success is `{"data": …, "requestId": …}`, an error is one shape (RFC 9457) with a stable
`code`.

Who may: *anyone*; a *session* (an access token, or the cookie with `X-CSRF-Token`); a *fresh* one, of the last ten minutes; or a permission, held by
role in the installation or in the project that the request names.
"""


def render_page(document: Mapping[str, Any]) -> str:
    """The page as text, the same for the same document."""
    rooms: dict[str, list[str]] = {}
    for path, operations in sorted(document["paths"].items()):
        for method, operation in operations.items():
            route = f"{method.upper()} {path.removeprefix(_BASE_PATH)}"
            row = f"| `{route}` | {operation['summary']} | {_format_access(operation)} |"
            rooms.setdefault(operation["tags"][0], []).append(row)
    tables = [
        "\n".join([f"\n## {room}\n", "| route | summary | access |", "|---|---|---|", *rows])
        for room, rows in sorted(rooms.items())
    ]
    return "\n".join([_INTRODUCTION, *tables]).replace("\n\n\n", "\n\n") + "\n"


def _format_access(operation: Mapping[str, Any]) -> str:
    if "x-permission" in operation:
        more = [f"{name} when `{flag}`" for flag, name in operation.get("x-permission-when", {}).items()]
        return "; ".join([operation["x-permission"], *more])
    if operation.get("x-recent-session"):
        return "*recent session*"
    return "*session*" if operation["security"] else "*anyone*"
