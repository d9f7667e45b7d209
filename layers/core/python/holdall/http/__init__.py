"""HTTP: the only part of `holdall` that knows of it. Functions compose their routes with what stands here."""

from holdall.http.admission import Joined, Myself, Placed, anyone, fresh, needs, signed_in
from holdall.http.api import Api, Router
from holdall.http.credentials import cookie_in, session_cookie
from holdall.http.cursors import Cursor, Cursors, Limit
from holdall.http.envelope import Data, Listed

__all__ = [
    "Api",
    "Cursor",
    "Cursors",
    "Data",
    "Joined",
    "Limit",
    "Listed",
    "Myself",
    "Placed",
    "Router",
    "anyone",
    "cookie_in",
    "fresh",
    "needs",
    "session_cookie",
    "signed_in",
]
