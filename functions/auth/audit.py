"""The audit log."""

from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Request, Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from holdall.audit import service
from holdall.audit.model import AuditEntry, AuditFilter
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, requires
from holdall.http.responses import Cursor, Limit, PageResponse, documented, paginate
from holdall.platform.schemas import Rfc3339DateTime

router = Router()

# The bounds are those of an index key, which is neither empty nor longer than two kilobytes.
Actor = Annotated[str | None, Query(min_length=1, max_length=128, description="A user ID, or `anonymous`.")]
Action = Annotated[str | None, Query(min_length=1, max_length=128, description="For example `files.purge`.")]
Target = Annotated[str | None, Query(min_length=1, max_length=128, description="The ID of the resource.")]
From = Annotated[Rfc3339DateTime | None, Query(alias="from", description="At or after this time.")]
To = Annotated[Rfc3339DateTime | None, Query(description="Before this time.")]

_EXPORT_PAGE_SIZE = 2000  # 4 MB of entries of maximum size; a response of Lambda has at most 6 MB
_READ = requires("audit.read")


@router.get("/audit", guard=_READ, summary="List audit log entries, newest first")
def list_audit_entries(
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    since: From = None,
    to: To = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageResponse[AuditEntry]:
    filter_ = AuditFilter(actor, action, target, since, to)
    return paginate(limit, cursor, partial(service.list_entries, filter_), "audit", *filter_.cursor_scope())


@router.get(
    "/audit/export",
    guard=_READ,
    summary="Export the audit log as JSON lines",
    responses={
        200: documented(
            "One audit entry per line, as in GET /audit. The Link header names the next page, if there is one.",
            str,
            media_type="application/x-ndjson",
            headers={
                "Content-Disposition": {"required": True, "schema": {"type": "string"}},
                "Link": {
                    "description": '`<…>; rel="next"` (RFC 8288), relative to this URL.',
                    "schema": {"type": "string"},
                },
            },
        )
    },
)
def export_audit_log(
    request: Request,
    caller: CurrentCaller,
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    since: From = None,
    to: To = None,
    cursor: Cursor = None,
) -> Response[str]:
    filter_ = AuditFilter(actor, action, target, since, to)
    list_page = partial(service.export, caller, filter_)
    page = paginate(_EXPORT_PAGE_SIZE, cursor, list_page, "audit-export", *filter_.cursor_scope())
    lines = "".join(f"{entry.model_dump_json(by_alias=True)}\n" for entry in page.data)
    headers = {"content-disposition": 'attachment; filename="audit.jsonl"'}
    if page.pagination.next:
        # A reference to the same document (RFC 8288, section 3.1), so it is right behind CloudFront and without it.
        query = {**(request.query_parameters or {}), "cursor": page.pagination.next}
        headers["link"] = f'<?{urlencode(query)}>; rel="next"'
    return Response(200, "application/x-ndjson", lines, headers)
