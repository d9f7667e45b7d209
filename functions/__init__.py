"""The Lambda functions, one package each. Their modules `handler` turn requests and AWS events into calls of services."""

import gc

# A cold start creates hundreds of thousands of objects that stay. To search them for garbage takes a tenth of its time.
gc.disable()

from holdall.platform import virtual_clock  # noqa: E402  # after the line above


def complete_imports() -> None:
    """Resume garbage collection, without the objects that exist by now. The last line of each handler module calls this."""
    virtual_clock.start()
    gc.freeze()
    gc.enable()
