"""The environment of this process, where services are called in it and not in the deployed functions."""

from holdall.platform import aws
from holdall.platform.config import settings


def clear_cached_settings() -> None:
    """Forget what was read of the environment, and the clients that were opened by it."""
    for cached in (settings, aws.session, aws.client):
        cached.cache_clear()
