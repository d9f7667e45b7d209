"""What a limit says: so many requests of one subject in so many seconds."""

from dataclasses import dataclass

from holdall.errors import Failure


@dataclass(frozen=True)
class Limit:
    """`requests` in each window of `seconds`."""

    name: str
    requests: int
    seconds: int


@dataclass(frozen=True)
class Allowance:
    """What a subject has left in the present window."""

    limit: Limit
    remaining: int
    resets_in: int  # seconds

    @property
    def headers(self) -> dict[str, str]:
        """As clients read it (IETF draft-ietf-httpapi-ratelimit-headers)."""
        name, limit = self.limit.name, self.limit
        return {
            "RateLimit": f'"{name}";r={self.remaining};t={self.resets_in}',
            "RateLimit-Policy": f'"{name}";q={limit.requests};w={limit.seconds}',
        }


class TooMany(Failure):
    """More requests than the limit allows. Nothing was done."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__("too_many_requests", f"Too many requests. Try again in {allowance.resets_in} seconds.")
        self.allowance = allowance
