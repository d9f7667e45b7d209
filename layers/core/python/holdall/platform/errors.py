"""Kinds of errors that clients see. `holdall.http.problems` maps them to HTTP statuses.

Define each error as a subclass beside its model, and raise a new instance every time. A shared instance keeps the frames of
every request that raised it in memory, because Python appends to its `__traceback__`.
"""


class HoldallError(Exception):
    """Base class. `code` is stable and for programs, `detail` is for people."""

    code: str = "internal_error"
    detail: str = "Something went wrong."

    def __init__(self, detail: str | None = None) -> None:
        """Replace the detail of the class by one with values of the request."""
        if detail is not None:
            self.detail = detail
        super().__init__(self.detail)


class BadRequest(HoldallError):
    """The request is malformed."""

    code, detail = "bad_request", "The request is malformed."


class Unauthenticated(HoldallError):
    """The request has no valid credentials."""

    code, detail = "unauthenticated", "Sign in and try again."


class Forbidden(HoldallError):
    """The caller lacks a permission."""

    code, detail = "forbidden", "You do not have permission to do this."


class NotFound(HoldallError):
    """The resource is missing, or hidden from the caller. Subclasses keep code and detail, so that both look alike."""

    code, detail = "not_found", "Not found."


class Conflict(HoldallError):
    """The current state does not allow the request."""

    code, detail = "conflict", "The current state of the resource does not allow this."


class PreconditionFailed(HoldallError):
    """The resource is not the one that the client has read."""

    code, detail = "precondition_failed", "This was changed since you read it. Read it again, then repeat your change."


class Busy(Conflict):
    """Other requests changed the resource at every attempt."""

    code, detail = "busy", "Too many changes at the same time. Try again."


class PayloadTooLarge(HoldallError):
    """The body has more bytes than the route accepts."""

    code, detail = "payload_too_large", "The request body is too large."


class UnsupportedMediaType(HoldallError):
    """The route does not accept this media type."""

    code, detail = "unsupported_media_type", "The media type of the request body is not supported."


class ValidationFailed(HoldallError):
    """The request is well-formed but not valid. `pointer` is the JSON pointer (RFC 6901) of the invalid part."""

    code, detail = "invalid", "The request is not valid."
    pointer: str | None = None

    def __init__(self, detail: str | None = None, *, pointer: str | None = None) -> None:
        super().__init__(detail)
        if pointer is not None:
            self.pointer = pointer


class ServiceUnavailable(HoldallError):
    """An AWS service did not respond. The client may send the request again, because transactions are complete or absent."""

    code, detail = "unavailable", "A service did not respond. Try again in a moment."
    retry_after = 2  # seconds


class InvariantViolation(Exception):
    """A condition failed that fails only because of a bug. The client gets a 500, as for any other exception."""
