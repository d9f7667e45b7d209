"""Entity tags: a client changes only what it has read (RFC 9110, sections 8.8.3 and 13.1.1)."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header

from holdall.platform.errors import PreconditionFailed

IfMatch = Annotated[
    str | None, Header(alias="if-match", max_length=1024, description="The `ETag` of the resource that was read.")
]


def format_etag(revision: int) -> str:
    """Return the strong entity tag of a revision of a resource."""
    return f'"{revision}"'


def check_if_match(if_match: str | None, revision: int) -> None:
    """Raise PreconditionFailed if a request names other revisions. Tags are compared strongly, so a weak one never matches."""
    if if_match is None:
        return
    tags = {tag.strip() for tag in if_match.split(",")}
    if tags != {"*"} and format_etag(revision) not in tags:
        raise PreconditionFailed
