"""The caches of a process: settings, AWS clients and rows. Tests clear them, so that the process is like a new one."""

from collections.abc import Collection

from functions.files import health
from holdall.accounts.service import oauth
from holdall.iam import signing_keys
from holdall.maintenance.health import email_recipients
from holdall.platform import aws, originals
from holdall.platform.config import settings
from holdall.quotas import service as quotas
from holdall.roles import service as roles


def clear_settings() -> None:
    """Clear the settings and the objects that depend on them."""
    settings.cache_clear()
    _clear_edge()
    oauth._get_provider.cache_clear()


def clear_clients() -> None:
    """Clear the settings, and close the AWS clients that use them."""
    for cached in (settings, aws.session, aws.client):
        cached.cache_clear()
    _clear_edge()


def _clear_edge() -> None:
    for cached in (originals._read_credentials, originals._is_reachable, originals._get_edge_client):
        cached.cache_clear()


def clear_signing_keys() -> None:
    """Clear the cached keys of access tokens."""
    signing_keys._get_private_key.cache_clear()
    signing_keys._cache.keys.clear()
    signing_keys._cache.loaded_at = float("-inf")


def clear_rows(published_keys: Collection[str]) -> None:
    """Clear cached roles, and signing keys if they differ from these, because rows changed without a request."""
    roles._cache_by_epoch.clear()
    quotas._cache.read_at = None
    health._readiness.clear()
    email_recipients.clear()
    if set(signing_keys._cache.keys) != set(published_keys):
        clear_signing_keys()
