"""What a process remembers: of its settings, of AWS, and of rows. Tests forget it, as a new process would."""

from collections.abc import Collection

from holdall.accounts.service import oauth
from holdall.iam import signing_keys
from holdall.platform import aws
from holdall.platform.config import settings
from holdall.quotas import service as quotas
from holdall.roles import service as roles


def clear_settings() -> None:
    """Forget the settings and what was made of them."""
    settings.cache_clear()
    oauth._get_provider.cache_clear()


def clear_clients() -> None:
    """Forget the settings, and close the clients of AWS that were opened with them."""
    for cached in (settings, aws.session, aws.client):
        cached.cache_clear()


def clear_signing_keys() -> None:
    """Forget the keys of access tokens."""
    signing_keys._get_private_key.cache_clear()
    signing_keys._cache.keys.clear()
    signing_keys._cache.loaded_at = float("-inf")


def clear_rows(published_keys: Collection[str]) -> None:
    """Forget custom roles, and the signing keys unless they are these: rows changed without a request."""
    roles._cache_by_epoch.clear()
    quotas._cache.read_at = None
    if set(signing_keys._cache.keys) != set(published_keys):
        clear_signing_keys()
