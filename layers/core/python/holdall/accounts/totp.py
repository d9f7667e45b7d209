"""Time-based one-time passwords (RFC 6238), as every authenticator app makes them: SHA-1, 30 seconds, six digits.

SHA-1 is broken for signatures and sound inside of HMAC (RFC 6238 section 1.2, RFC 4226 appendix B.2); several apps ignore
the field that asks for another digest, and would show codes that are never right.
"""

import base64
import hashlib
import io
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pyotp import TOTP

from holdall.platform import ids

_STEP_SECONDS = 30  # seconds; RFC 6238 section 5.2
_DIGITS = 6
_SEED_LENGTH = 20  # bytes; RFC 4226 section 4, R6, recommends 160 bits
# One step either way: what is typed late, and a clock that is off by half a minute (RFC 6238 sections 5.2 and 6).
_STEP_WINDOW = (-1, 0, 1)
_CODE_PATTERN = re.compile(f"[0-9]{{{_DIGITS}}}")
_TITLE = "QR code to scan with an authenticator app"


def new_seed() -> str:
    """The secret that an app and we share, in base 32: 160 random bits."""
    return base64.b32encode(ids.new_bytes(_SEED_LENGTH)).decode()


def otpauth_uri(seed: str, account: str, issuer: str) -> str:
    """What an app reads to take over a seed, in the key URI format that Google Authenticator began.

    The format parts issuer and account by a colon, so neither may hold one.
    """
    # What is the default in every app is left out: there are readers that stumble over it.
    return TOTP(seed).provisioning_uri(name=account.replace(":", " "), issuer_name=issuer.replace(":", " "))


def find_matching_step(seed: str, code: str, now: datetime, *, after: int | None) -> int | None:
    """The time step whose code this is, if it is the present one or a neighbour, and later than `after`; else None.

    The caller keeps the step, on condition that none as late was kept, and hands it in as `after` the next time. Then a code
    is taken once (RFC 6238 section 5.2), even of two attempts at the same moment. Should two steps have the same code, the
    later counts, so that the code is spent for both.
    """
    said = "".join(code.split())
    if not _CODE_PATTERN.fullmatch(said):
        return None
    present = int(now.timestamp()) // _STEP_SECONDS
    steps = [step for drift in _STEP_WINDOW if (step := present + drift) >= 0]
    # All are compared, whether or not one was equal before, so that time tells nothing.
    equal = [step for step in steps if ids.constant_time_equal(_generate_code(seed, step), said)]
    return max((step for step in equal if after is None or step > after), default=None)


def render_qr_svg(uri: str) -> str:
    """A QR code as an SVG that can stand in a page or in a file: no script, no style, black on white in any theme."""
    import segno  # noqa: PLC0415  # 50 ms where nothing is compiled yet, for a picture that an account needs once

    picture = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(
        picture,
        kind="svg",
        xmldecl=False,
        nl=False,
        scale=4,  # pixels per module
        border=4,  # modules that ISO/IEC 18004 asks to leave free
        dark="#000",
        light="#fff",
        svgclass=None,
        lineclass=None,
        title=_TITLE,
    )
    # The title is read out when the whole is an image, and not before.
    return picture.getvalue().decode().replace("<svg ", '<svg role="img" ', 1)


def _generate_code(seed: str, step: int, *, digits: int = _DIGITS, digest: Callable[..., Any] = hashlib.sha1) -> str:
    """The code of a time step, which is HOTP with the step as its counter (RFC 6238 section 4.2, RFC 4226 section 5.3)."""
    return TOTP(seed, digits=digits, digest=digest, interval=_STEP_SECONDS).generate_otp(step)
