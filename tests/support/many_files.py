"""A project with more files than a test can upload: the page gets them from the test instead of the API.

Each file is a copy of a real one with another name, so pictures are loaded from the deployed stack.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route

_PATH = "**/api/v1/files?*"


@dataclass
class ManyFiles:
    """A list of files, of which `refusals` tells how often each page is refused first, by its number."""

    templates: Sequence[Mapping[str, Any]]  # as the API lists them
    count: int
    refusals: dict[int, int] = field(default_factory=dict)
    answered: list[int] = field(default_factory=list)  # numbers of the pages

    def serve(self, page: Page) -> None:
        """Answer the lists of files in this tab from now on."""
        page.route(_PATH, self._answer)

    def name(self, index: int) -> str:
        return f"File {index:05}.jpg"

    def _answer(self, route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        start, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
        number = start // limit
        if self.refusals.get(number):
            self.refusals[number] -= 1
            problem = {"code": "too_many_requests", "detail": "Too many requests.", "status": 429}
            route.fulfill(status=429, headers={"retry-after": "1"}, json=problem)
            return
        self.answered.append(number)
        end = min(start + limit, self.count)
        pagination = {"limit": limit, "next": str(end) if end < self.count else None, "hasNext": end < self.count}
        body = {"data": [self._file(index) for index in range(start, end)], "pagination": pagination}
        route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    def _file(self, index: int) -> dict[str, Any]:
        return {**self.templates[index % len(self.templates)], "id": f"file-{index:05}", "name": self.name(index)}
