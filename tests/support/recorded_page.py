"""A page in the browser, with its errors and requests."""

from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Page, Request, Response


@dataclass
class RecordedPage:
    """A page with its errors and requests."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requested_urls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.errors.append(f"error: {error}"))
        self.page.on("requestfailed", self._on_request_failed)
        self.page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        # Violations of the content security policy are reported here, too.
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type}: {message.text}")

    def _on_request_failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # cancelled by the page itself, or by leaving it
            self.errors.append(f"failed: {request.url} {request.failure}")

    def _on_response(self, response: Response) -> None:
        self.requested_urls.append(response.url)
        if response.status >= 400:
            self.errors.append(f"{response.status}: {response.url}")
