"""What a limit says: so many requests of one subject in so many seconds."""

from dataclasses import dataclass

from holdall.platform.errors import HoldallError


@dataclass(frozen=True)
class RateLimit:
    """`requests` in each window of `seconds`."""

    name: str
    max_requests: int
    window_seconds: int


@dataclass(frozen=True)
class RateLimitStatus:
    """What a subject has left in the present window."""

    limit: RateLimit
    remaining: int
    resets_in: int  # seconds

    @property
    def headers(self) -> dict[str, str]:
        """As clients read it (IETF draft-ietf-httpapi-ratelimit-headers)."""
        name, limit = self.limit.name, self.limit
        return {
            "RateLimit": f'"{name}";r={self.remaining};t={self.resets_in}',
            "RateLimit-Policy": f'"{name}";q={limit.max_requests};w={limit.window_seconds}',
        }


class TooManyRequests(HoldallError):
    """More requests than the limit allows. The request was not processed."""

    code, detail = "too_many_requests", "Too many requests."

    def __init__(self, rate_limit: RateLimitStatus) -> None:
        super().__init__(f"Too many requests. Try again in {rate_limit.resets_in} seconds.")
        self.rate_limit = rate_limit
