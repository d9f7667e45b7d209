"""/audit: what principals did, as a list and as a file."""

from typing import Annotated
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from holdall.audit import service
from holdall.audit.model import AuditEntry, AuditFilter
from holdall.http import Cursor, CursorCodec, Limit, PageResponse, Router, requires
from holdall.platform.caller import Caller
from holdall.platform.schemas import Rfc3339DateTime

router = Router()

# An empty text is no key of an index, and neither is one of more than two kilobytes.
Actor = Annotated[str | None, Query(min_length=1, max_length=128, description="A user ID, or `anonymous`.")]
Action = Annotated[str | None, Query(min_length=1, max_length=128, description="For example `files.purge`.")]
Target = Annotated[str | None, Query(min_length=1, max_length=128, description="The ID of the resource.")]
From = Annotated[Rfc3339DateTime | None, Query(alias="from", description="At or after this time.")]
To = Annotated[Rfc3339DateTime | None, Query(description="Before this time.")]

_EXPORT_PAGE_SIZE = 2000  # of a file: 4 MB when all are as long as they can be, and Lambda's answer ends at 6


@router.get("/audit", summary="List audit log entries, newest first")
def list_audit_entries(
    caller: Annotated[Caller, requires("audit.read")],  # noqa: ARG001  # stands for the permission
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    since: From = None,
    to: To = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageResponse[AuditEntry]:
    wanted = AuditFilter(actor, action, target, since, to)
    cursors = CursorCodec("audit", *wanted.cursor_scope())
    return cursors.respond(service.list_entries(wanted, cursors.decode(limit, cursor)), limit)


@router.get("/audit/export", summary="Export the audit log as JSON lines")
def export_audit_log(
    caller: Annotated[Caller, requires("audit.read")],
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    since: From = None,
    to: To = None,
    cursor: Cursor = None,
) -> Response[str]:
    wanted = AuditFilter(actor, action, target, since, to)
    cursors = CursorCodec("audit-export", *wanted.cursor_scope())
    listed = cursors.respond(
        service.export(caller, wanted, cursors.decode(_EXPORT_PAGE_SIZE, cursor)), _EXPORT_PAGE_SIZE
    )
    lines = "".join(f"{entry.model_dump_json(by_alias=True)}\n" for entry in listed.data)
    headers = {"content-disposition": 'attachment; filename="audit.jsonl"'}
    if listed.pagination.next:
        # Relative to this very address (RFC 8288, section 3.1), whatever way it was reached.
        asked = router.current_event.query_string_parameters | {"cursor": listed.pagination.next}
        headers["link"] = f'<?{urlencode(asked)}>; rel="next"'
    return Response(status_code=200, content_type="application/x-ndjson", body=lines, headers=headers)
