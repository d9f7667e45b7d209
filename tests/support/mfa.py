"""Users with a second factor, and their authenticator app."""

from dataclasses import dataclass

from pyotp import TOTP

from holdall.platform import clock
from tests.support import users
from tests.support.browser import ORIGIN
from tests.support.client import Client, Response


@dataclass(frozen=True)
class MfaUser:
    """A user with a second factor. `client` is the session that enabled it."""

    client: Client
    totp_secret: str
    recovery_codes: list[str]

    @property
    def email(self) -> str:
        return str(self.client.user["email"])

    def totp_code(self, step_offset: int = 0) -> str:
        """Return the code that the app shows now, or some time steps later."""
        return compute_totp_code(self.totp_secret, step_offset)

    def wrong_code(self) -> str:
        """Return a code that the app does not show for hours."""
        return self.totp_code(1000)

    def request_mfa_token(self) -> str:
        """Log in, and return the token for the verification of the second factor."""
        data = Client().post("/auth/login", {"email": self.email, "password": users.PASSWORD}).data()
        return str(data["mfaToken"])

    def complete_login(self, mfa_token: str | None = None, **fields: str) -> Response:
        """Verify the second factor with a code or a recovery code."""
        body = {"mfaToken": mfa_token or self.request_mfa_token(), **fields}
        return Client().request("POST", "/auth/2fa/verify", body, headers={"origin": ORIGIN})


def compute_totp_code(secret: str, step_offset: int = 0) -> str:
    totp = TOTP(secret)
    return totp.generate_otp(totp.timecode(clock.now()) + step_offset)


def enable_mfa(client: Client) -> MfaUser:
    """Enable the second factor."""
    seed = str(client.post("/auth/2fa/setup").data()["secret"])
    codes: list[str] = client.post("/auth/2fa/enable", {"code": compute_totp_code(seed)}).data()["recoveryCodes"]
    return MfaUser(client, seed, codes)
