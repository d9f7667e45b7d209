"""HTTP: the only part of `holdall` that knows of it. Functions compose their routes with what stands here."""

from holdall.http.app import HttpApp, Router
from holdall.http.auth import CurrentMembership, CurrentProject, CurrentUser, public, recent_session, requires, session
from holdall.http.credentials import read_session_cookie, session_cookie
from holdall.http.cursors import Cursor, CursorCodec, Limit
from holdall.http.responses import DataResponse, PageResponse

__all__ = [
    "CurrentMembership",
    "CurrentProject",
    "CurrentUser",
    "Cursor",
    "CursorCodec",
    "DataResponse",
    "HttpApp",
    "Limit",
    "PageResponse",
    "Router",
    "public",
    "read_session_cookie",
    "recent_session",
    "requires",
    "session",
    "session_cookie",
]
