"""/audit: what principals did, as a list and as a file."""

from typing import Annotated
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from holdall.audit import service
from holdall.audit.model import Entry, Filter
from holdall.caller import Caller
from holdall.http import Cursor, Cursors, Limit, Listed, Router, needs
from holdall.shape import Moment

router = Router()

# An empty text is no key of an index, and neither is one of more than two kilobytes.
Actor = Annotated[str | None, Query(min_length=1, max_length=128, description="A user's id, or `anonymous`.")]
Action = Annotated[str | None, Query(min_length=1, max_length=128, description="As `files.purge`.")]
Target = Annotated[str | None, Query(min_length=1, max_length=128, description="The id of what it was done to.")]
From = Annotated[Moment | None, Query(alias="from", description="From this moment on.")]
To = Annotated[Moment | None, Query(description="Before this moment.")]

_LINES = 2000  # of a file: 4 MB when all are as long as they can be, and Lambda's answer ends at 6


@router.get("/audit", summary="What was done, newest first")
def entries(
    caller: Annotated[Caller, needs("audit.read")],  # noqa: ARG001  # stands for the permission
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    since: From = None,
    to: To = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Listed[Entry]:
    wanted = Filter(actor, action, target, since, to)
    cursors = Cursors("audit", *wanted.names())
    return cursors.answer(service.page(wanted, cursors.request(limit, cursor)), limit)


@router.get("/audit/export", summary="What was done, newest first, as a file of JSON lines")
def export(
    caller: Annotated[Caller, needs("audit.read")],
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    since: From = None,
    to: To = None,
    cursor: Cursor = None,
) -> Response[str]:
    wanted = Filter(actor, action, target, since, to)
    cursors = Cursors("audit-export", *wanted.names())
    listed = cursors.answer(service.export(caller, wanted, cursors.request(_LINES, cursor)), _LINES)
    lines = "".join(f"{entry.model_dump_json(by_alias=True)}\n" for entry in listed.data)
    headers = {"content-disposition": 'attachment; filename="audit.jsonl"'}
    if listed.pagination.next:
        # Relative to this very address (RFC 8288, section 3.1), whatever way it was reached.
        asked = router.current_event.query_string_parameters | {"cursor": listed.pagination.next}
        headers["link"] = f'<?{urlencode(asked)}>; rel="next"'
    return Response(status_code=200, content_type="application/x-ndjson", body=lines, headers=headers)
