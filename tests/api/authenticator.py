"""An authenticator app, and people who have one: they set it up and sign in by the API, as anybody does."""

import json
from dataclasses import dataclass

from pyotp import TOTP

from holdall import clock
from tests.api import people
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud


@dataclass(frozen=True)
class Protected:
    """Somebody whose second factor is on. `client` is the session in which it was turned on."""

    client: Client
    seed: str
    recovery_codes: list[str]

    @property
    def email(self) -> str:
        return str(self.client.user["email"])

    def code(self, steps: int = 0) -> str:
        """What the app shows, now or so many time steps later."""
        return code_of(self.seed, steps)

    def wrong_code(self) -> str:
        """A code that the app does not show for hours."""
        return self.code(1000)

    def mfa_token(self) -> str:
        """What a login gives that wants the second factor."""
        asked = Client().post("/auth/login", {"email": self.email, "password": people.PASSWORD}).data()
        return str(asked["mfaToken"])

    def finish(self, token: str | None = None, **said: str) -> Answer:
        """Show a code or a recovery code."""
        return Client().post("/auth/2fa/verify", {"mfaToken": token or self.mfa_token(), **said})


def code_of(seed: str, steps: int = 0) -> str:
    totp = TOTP(seed)
    return totp.generate_otp(totp.timecode(clock.now()) + steps)


def protect(client: Client) -> Protected:
    """Turn the second factor on."""
    seed = str(client.post("/auth/2fa/setup").data()["secret"])
    codes: list[str] = client.post("/auth/2fa/enable", {"code": code_of(seed)}).data()["recoveryCodes"]
    return Protected(client, seed, codes)


def letters(cloud: Cloud, email: str, kind: str = "changed") -> list[str]:
    """What the letters of a kind that are on their way to an address tell."""
    told = [json.loads(body) for body in cloud.waiting("mail")]
    return [letter["detail"] for letter in told if (letter["kind"], letter["to"]) == (kind, email)]
