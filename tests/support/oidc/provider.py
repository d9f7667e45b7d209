"""A certified OpenID Connect provider in a separate process. It needs `npm ci` in the root of the repository."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from threading import Thread
from typing import Literal

_SCRIPT = Path(__file__).with_name("provider.mjs")
_START_TIMEOUT = 20  # seconds; the start takes half a second

Algorithm = Literal["RS256", "ES256"]


@dataclass(frozen=True)
class RunningProvider:
    """A running provider, with our client there. `url` is the issuer."""

    url: str
    client_id: str
    client_secret: str


@contextmanager
def run_provider(
    redirect_uris: Sequence[str],
    *,
    port: int = 0,
    algorithm: Algorithm = "RS256",
    auth_method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic",
    signing_key: Mapping[str, str] | None = None,
) -> Iterator[RunningProvider]:
    """Run a provider on a port, by default a free one. It has one client, and requires PKCE.

    The user `ada@example.test` has that address, verified; `unverified-ada@example.test` is another subject with the same
    address, not verified; `addressless-ada@example.test` has no address. The signing key is a JWK, by default a new one.
    """
    # With characters that must be encoded in a header of basic authentication.
    client = {"clientId": "holdall client:1", "clientSecret": "a secret/of+tests%20: long enough for any"}
    options = {
        **client,
        "port": port,
        "redirectUris": list(redirect_uris),
        "algorithm": algorithm,
        "authMethod": auth_method,
        "signingKey": signing_key,
    }
    with TemporaryFile("w+") as stderr:
        process = subprocess.Popen(
            ["node", str(_SCRIPT)],
            env={"PATH": os.environ["PATH"], "OIDC_OPTIONS": json.dumps(options)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        try:
            issuer = _read_issuer(process)
            stderr.seek(0)
            assert issuer, f"The provider did not start; `npm ci` installs it. Its output: {stderr.read()[-1000:]}"
            yield RunningProvider(issuer, client["clientId"], client["clientSecret"])
        finally:
            process.kill()
            process.communicate()


def _read_issuer(process: subprocess.Popen[str]) -> str:
    """Return the issuer, which the provider prints when it listens, or an empty string."""
    lines: SimpleQueue[str] = SimpleQueue()
    stdout = process.stdout
    assert stdout is not None
    Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        return lines.get(timeout=_START_TIMEOUT).strip()
    except Empty:
        return ""
