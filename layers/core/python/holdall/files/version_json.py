"""Versions as JSON, which is how the store keeps them."""

import json
from datetime import datetime
from typing import Any

from holdall.files.model import Variant, Version

# The last release does not know these, so a version that was never at the edge has none.
_OF_THE_EDGE = ("location", "synced_at", "edge_version_id")


def to_json(version: Version) -> str:
    """Return the version as JSON. It is one attribute, because it is always read and written as a whole."""
    values: dict[str, Any] = {
        **vars(version),
        "variants": [variant.model_dump() for variant in version.variants],
        "created_at": version.created_at.isoformat(),
        "synced_at": version.synced_at.isoformat() if version.synced_at else None,
    }
    if version.location == "s3" and version.synced_at is None:
        for name in _OF_THE_EDGE:
            del values[name]
    return json.dumps(values, separators=(",", ":"))


def from_json(text: str) -> Version:
    """Return the version of a text, also of the last release."""
    values = json.loads(text)
    values["variants"] = tuple(Variant.model_construct(**variant) for variant in values["variants"])
    times = {name: datetime.fromisoformat(values[name]) for name in ("created_at", "synced_at") if values.get(name)}
    return Version(**{**values, **times})
