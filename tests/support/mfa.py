"""An authenticator app, and people who have one: they set it up and sign in by the API, as anybody does."""

from dataclasses import dataclass

from pyotp import TOTP

from holdall.platform import clock
from tests.support import users
from tests.support.client import Client, Response


@dataclass(frozen=True)
class MfaUser:
    """Somebody whose second factor is on. `client` is the session in which it was turned on."""

    client: Client
    totp_secret: str
    recovery_codes: list[str]

    @property
    def email(self) -> str:
        return str(self.client.user["email"])

    def totp_code(self, step_offset: int = 0) -> str:
        """What the app shows, now or so many time steps later."""
        return compute_totp_code(self.totp_secret, step_offset)

    def wrong_code(self) -> str:
        """A code that the app does not show for hours."""
        return self.totp_code(1000)

    def request_mfa_token(self) -> str:
        """What a login gives that wants the second factor."""
        asked = Client().post("/auth/login", {"email": self.email, "password": users.PASSWORD}).data()
        return str(asked["mfaToken"])

    def complete_login(self, mfa_token: str | None = None, **fields: str) -> Response:
        """Show a code or a recovery code."""
        return Client().post("/auth/2fa/verify", {"mfaToken": mfa_token or self.request_mfa_token(), **fields})


def compute_totp_code(secret: str, step_offset: int = 0) -> str:
    totp = TOTP(secret)
    return totp.generate_otp(totp.timecode(clock.now()) + step_offset)


def enable_mfa(client: Client) -> MfaUser:
    """Turn the second factor on."""
    seed = str(client.post("/auth/2fa/setup").data()["secret"])
    codes: list[str] = client.post("/auth/2fa/enable", {"code": compute_totp_code(seed)}).data()["recoveryCodes"]
    return MfaUser(client, seed, codes)
