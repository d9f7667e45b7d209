"""The public settings, which a sign-in page reads."""

import json

from tests.support.client import Client
from tests.support.fixtures import OverrideSettings


def test_config_tells_a_sign_in_page_what_the_installation_offers(
    anonymous: Client, override_settings: OverrideSettings
) -> None:
    providers = [{"name": "work", "kind": "oidc", "issuer": "https://id.example.test"}]
    override_settings(SIGN_UP="invite", EMAIL_VERIFICATION="on", OAUTH_PROVIDERS=json.dumps(providers), EDGE_STORE="")

    config = anonymous.get("/config").data()

    assert config.pop("maxFileBytes") > 0
    assert config == {
        "signUp": "invite",
        "emailVerification": True,
        "providers": [{"name": "work", "kind": "oidc"}],  # without the issuer, which is no one's business
        "edge": False,
        "version": "1",
    }
