"""Rate limits: a number of requests of a subject in a fixed window."""

from dataclasses import dataclass

from holdall.platform.errors import HoldallError


@dataclass(frozen=True)
class RateLimit:
    name: str
    max_requests: int
    window_seconds: int


@dataclass(frozen=True)
class RateLimitStatus:
    """The requests that a subject has left in the current window."""

    limit: RateLimit
    remaining: int
    resets_in: int  # seconds

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers for the client (IETF draft-ietf-httpapi-ratelimit-headers)."""
        name, limit = self.limit.name, self.limit
        return {
            "RateLimit": f'"{name}";r={self.remaining};t={self.resets_in}',
            "RateLimit-Policy": f'"{name}";q={limit.max_requests};w={limit.window_seconds}',
        }


class TooManyRequests(HoldallError):
    """There were more requests than the limit allows. This one was not processed."""

    code, detail = "too_many_requests", "Too many requests."

    def __init__(self, rate_limit: RateLimitStatus) -> None:
        super().__init__(f"Too many requests. Try again in {rate_limit.resets_in} seconds.")
        self.rate_limit = rate_limit
