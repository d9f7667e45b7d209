"""The Lambda functions, one package each. Their modules `handler` turn requests and AWS events into calls of services."""

import gc

# A cold start creates hundreds of thousands of objects that stay. To search them for garbage takes a tenth of its time.
gc.disable()


def complete_imports() -> None:
    """Resume garbage collection, without the objects that exist by now. The last line of each handler module calls this."""
    gc.freeze()
    gc.enable()
