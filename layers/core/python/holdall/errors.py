"""Every failure that a caller may see. A kind is a class; `http` alone turns kinds into statuses."""


class Failure(Exception):
    """A failure with a stable `code` for programs and a `detail` for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Malformed(Failure):
    """The request cannot be read."""


class Unauthenticated(Failure):
    """Nobody, or nobody that we know, is asking."""

    def __init__(self, code: str = "unauthenticated", detail: str = "Sign in, then try again.") -> None:
        super().__init__(code, detail)


class Forbidden(Failure):
    """The caller is known and may not do this."""

    def __init__(self, code: str = "forbidden", detail: str = "You may not do this here.") -> None:
        super().__init__(code, detail)


class NotFound(Failure):
    """It does not exist, or the caller may not know that it does: both look alike, so say no more than the default."""

    def __init__(self, code: str = "not_found", detail: str = "There is nothing here with this name.") -> None:
        super().__init__(code, detail)


class Conflict(Failure):
    """The state of the thing forbids it now."""


class AlreadyDone(Conflict):
    """This was done by the first of two requests with one Idempotency-Key, and its answer is shown once."""

    def __init__(self, thing_id: str) -> None:
        super().__init__(
            "already_done", f"This was done before, as {thing_id}. Its secret was shown then, and only then."
        )
        self.thing_id = thing_id


class TooLarge(Failure):
    """More bytes than this door takes."""


class UnsupportedType(Failure):
    """A media type that this door does not take."""


class Invalid(Failure):
    """The request can never succeed as it is. `pointer` is the JSON pointer (RFC 6901) of the part that is wrong."""

    def __init__(self, code: str, detail: str, *, pointer: str | None = None) -> None:
        super().__init__(code, detail)
        self.pointer = pointer


class Unavailable(Failure):
    """A store did not answer; nothing was half done, and the same request may be sent again."""

    def __init__(
        self,
        code: str = "unavailable",
        detail: str = "A store did not answer. Try again in a moment.",
        *,
        retry_after: int = 2,
    ) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after  # seconds
