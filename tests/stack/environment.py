"""The environment of this process, where services are called in it and not in the deployed functions."""

from holdall import aws
from holdall.config import settings


def read_anew() -> None:
    """Forget what was read of the environment, and the clients that were opened by it."""
    for cached in (settings, aws.session, aws.client):
        cached.cache_clear()
