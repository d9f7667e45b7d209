"""A real OpenID Connect provider, started for a test and ended with it. It needs `npm ci` at the top of the tree."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from threading import Thread
from typing import Literal

_SCRIPT = Path(__file__).with_name("provider.mjs")
_START_TIMEOUT = 20  # seconds until it listens; it takes half of one

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]


@dataclass(frozen=True)
class RunningProvider:
    """A provider that runs, and whom it knows us as."""

    issuer: str
    client_id: str
    client_secret: str


@contextmanager
def run_provider(
    redirect_uris: Sequence[str],
    *,
    port: int = 0,
    algorithm: Algorithm = "RS256",
    claims_at_userinfo: bool = True,
    auth_method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic",
) -> Iterator[RunningProvider]:
    """Run a provider on a free port, or on the one that is named. It has one client, and asks for PKCE.

    Whoever signs in as `ada@example.test` has that address, verified. `unverified-ada@example.test` is another subject with the
    same address, not verified; `addressless-ada@example.test` is one without an address.
    """
    # What has to be encoded in a header of basic authentication is in the names, so that every test is one of that.
    known = {"clientId": "holdall client:1", "clientSecret": "a secret/of+tests%20: long enough for any"}
    options = {
        **known,
        "port": port,
        "redirectUris": list(redirect_uris),
        "algorithm": algorithm,
        "claimsAtUserinfo": claims_at_userinfo,
        "authMethod": auth_method,
    }
    with TemporaryFile("w+") as complaints:
        process = subprocess.Popen(
            ["node", str(_SCRIPT)],
            env={"PATH": os.environ["PATH"], "OIDC_OPTIONS": json.dumps(options)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
        try:
            issuer = _read_issuer(process)
            complaints.seek(0)
            assert issuer, f"The provider did not start; `npm ci` installs it. It said: {complaints.read()[-1000:]}"
            yield RunningProvider(issuer, known["clientId"], known["clientSecret"])
        finally:
            process.kill()
            process.communicate()


def _read_issuer(process: subprocess.Popen[str]) -> str:
    """Its issuer, which it prints when it listens; nothing, when it does not."""
    lines: SimpleQueue[str] = SimpleQueue()
    stdout = process.stdout
    assert stdout is not None
    Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        return lines.get(timeout=_START_TIMEOUT).strip()
    except Empty:
        return ""
