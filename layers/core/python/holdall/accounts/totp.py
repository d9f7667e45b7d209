"""Time-based one-time passwords (RFC 6238) as authenticator apps generate them: SHA-1, 30 seconds, six digits.

SHA-1 is not secure for signatures, but is in HMAC (RFC 6238, section 1.2; RFC 4226, appendix B.2). Several apps ignore the
parameter that asks for another hash, and would show codes that are never correct.
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

_STEP_SECONDS = 30  # RFC 6238, section 5.2
_DIGITS = 6
_SEED_LENGTH = 20  # bytes; RFC 4226, section 4, R6, recommends 160 bits
# One step back and one ahead: for slow typing, and for a clock that is wrong by half a minute (RFC 6238, sections 5.2 and 6).
_STEP_WINDOW = (-1, 0, 1)
_CODE_PATTERN = re.compile(f"[0-9]{{{_DIGITS}}}")
_TITLE = "QR code to scan with an authenticator app"


def new_seed() -> str:
    """Return a new seed: 160 random bits in base 32."""
    return base64.b32encode(ids.new_bytes(_SEED_LENGTH)).decode()


def otpauth_uri(seed: str, account: str, issuer: str) -> str:
    """Return the URI from which an app reads a seed (Google Authenticator, "Key URI Format").

    A colon separates the issuer from the account, so neither may contain one. Parameters with default values are left out,
    because some apps do not understand them.
    """
    return TOTP(seed).provisioning_uri(name=account.replace(":", " "), issuer_name=issuer.replace(":", " "))


def find_matching_step(seed: str, code: str, now: datetime, *, after: int | None) -> int | None:
    """Return the time step of a code, if it is the current one or next to it, and later than `after`; else None.

    The caller stores the step, on condition that no step as late is stored, and passes it as `after` the next time. So a code
    works once (RFC 6238, section 5.2), even if two requests use it at once. If two steps have the same code, the later one is
    returned, so that the code is used up for both.
    """
    digits = "".join(code.split())
    if not _CODE_PATTERN.fullmatch(digits):
        return None
    current = int(now.timestamp()) // _STEP_SECONDS
    steps = [step for drift in _STEP_WINDOW if (step := current + drift) >= 0]
    # All are compared, even after a match, so that response times reveal nothing.
    matches = [step for step in steps if ids.constant_time_equal(_generate_code(seed, step), digits)]
    return max((step for step in matches if after is None or step > after), default=None)


def render_qr_svg(uri: str) -> str:
    """Return a QR code as an SVG without scripts and styles, in black on white, for a page or a file."""
    import segno  # noqa: PLC0415  # 50 ms, for an image that an account needs once

    svg = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(
        svg,
        kind="svg",
        xmldecl=False,
        nl=False,
        scale=4,  # pixels per module
        border=4,  # modules, which ISO/IEC 18004 requires
        dark="#000",
        light="#fff",
        svgclass=None,
        lineclass=None,
        title=_TITLE,
    )
    # Screen readers read the title if the element is an image.
    return svg.getvalue().decode().replace("<svg ", '<svg role="img" ', 1)


def _generate_code(seed: str, step: int, *, digits: int = _DIGITS, digest: Callable[..., Any] = hashlib.sha1) -> str:
    """Return the code of a time step: HOTP with the step as its counter (RFC 6238, section 4.2; RFC 4226, section 5.3)."""
    return TOTP(seed, digits=digits, digest=digest, interval=_STEP_SECONDS).generate_otp(step)
