"""HTTP: the only part of `holdall` that knows of it. Functions compose their routes with what stands here."""

from holdall.http.admission import Placed, anyone, needs, signed_in
from holdall.http.api import Api, Router
from holdall.http.cursors import Cursor, Cursors, Limit
from holdall.http.envelope import Data, Listed

__all__ = ["Api", "Cursor", "Cursors", "Data", "Limit", "Listed", "Placed", "Router", "anyone", "needs", "signed_in"]
