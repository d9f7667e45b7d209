"""Entity tags: a client changes only what it has read, and reads only what changed (RFC 9110, sections 8.8.3 and 13.1)."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header

from holdall.platform.errors import PreconditionFailed

IfMatch = Annotated[
    str | None, Header(alias="if-match", max_length=1024, description="The `ETag` of the resource that was read.")
]
IfNoneMatch = Annotated[
    str | None, Header(alias="if-none-match", max_length=1024, description="The `ETag` of what the client has.")
]


def format_etag(revision: int) -> str:
    """Return the strong entity tag of a revision of a resource."""
    return f'"{revision}"'


def check_if_match(if_match: str | None, revision: int) -> None:
    """Raise PreconditionFailed if a request names other revisions. Tags are compared strongly, so a weak one never matches."""
    if if_match is None:
        return
    tags = _split(if_match)
    if tags != {"*"} and format_etag(revision) not in tags:
        raise PreconditionFailed


def matches_if_none_match(if_none_match: str | None, revision: int) -> bool:
    """Return whether the client has this revision of a resource. Tags are compared weakly."""
    tags = {tag.removeprefix("W/") for tag in _split(if_none_match or "")}
    return tags == {"*"} or format_etag(revision) in tags


def _split(header: str) -> set[str]:
    return {tag.strip() for tag in header.split(",")}
