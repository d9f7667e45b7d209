"""The errors that a caller may see. A specific error is a subclass, beside the model that it belongs to.

Each `raise` makes a new instance: a shared one would keep the frames of every request that it ended, because Python adds to
`__traceback__` each time. `http` turns the kinds into statuses.
"""


class HoldallError(Exception):
    """An error with a stable `code` for programs and a `detail` for people."""

    code: str = "internal_error"
    detail: str = "Something went wrong."

    def __init__(self, detail: str | None = None, *, code: str | None = None) -> None:
        """Replace the detail of the class where it depends on the request."""
        if detail is not None:
            self.detail = detail
        if code is not None:
            self.code = code
        super().__init__(self.detail)


class BadRequest(HoldallError):
    """The request is malformed."""

    code, detail = "bad_request", "The request is malformed."


class Unauthenticated(HoldallError):
    """The caller is not known."""

    code, detail = "unauthenticated", "Sign in and try again."


class Forbidden(HoldallError):
    """The caller is known, but has no permission."""

    code, detail = "forbidden", "You do not have permission to do this."


class NotFound(HoldallError):
    """The resource does not exist, or the caller must not know that it does. Both look alike, so subclasses keep this code and detail."""

    code, detail = "not_found", "Not found."


class Conflict(HoldallError):
    """The current state of the resource does not allow the request."""

    code, detail = "conflict", "The current state of the resource does not allow this."


class Busy(Conflict):
    """Other requests changed the resource each time that this one tried."""

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

    def __init__(self, detail: str | None = None, *, code: str | None = None, pointer: str | None = None) -> None:
        super().__init__(detail, code=code)
        if pointer is not None:
            self.pointer = pointer


class ServiceUnavailable(HoldallError):
    """A service that Holdall depends on did not respond. Nothing is half done, and the same request may be sent again."""

    code, detail = "unavailable", "A service did not respond. Try again in a moment."
    retry_after = 2  # seconds


class InvariantViolation(Exception):
    """A condition that cannot fail has failed: a defect of Holdall. It is logged and answered as 500."""
