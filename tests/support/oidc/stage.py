"""The providers of the deployed stage: it names a port for each, where a test runs one."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from urllib.parse import urlsplit
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from infra.local.e2e_environment import E2EEnvironment
from tests.support.oidc.provider import run_provider


@contextmanager
def run_stage_provider(deployment: E2EEnvironment) -> Iterator[None]:
    """Run the provider `oidc`. The provider `unreachable` has a client too, but nothing listens on its port."""
    origin = deployment.outputs["ConsoleUrl"].removesuffix("/")
    callback = f"{origin}/api/v1/auth/oauth/oidc/callback"
    with run_provider([callback], port=provider_ports(deployment)["oidc"], signing_key=_signing_key()) as running:
        for name in ("oidc", "unreachable"):
            store_client_credentials(deployment, name, running.client_id, running.client_secret)
        yield


@cache
def _signing_key() -> Mapping[str, str]:
    """Return the one key of all modules: a warm function would refuse the next one until it may fetch keys again."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    del jwk["key_ops"]  # of the private key; the provider publishes it with the public one
    return {**jwk, "kid": uuid4().hex, "alg": "RS256", "use": "sig"}


def provider_ports(deployment: E2EEnvironment) -> dict[str, int]:
    """Return the ports of the stage's providers."""
    configuration = deployment.cloud.lambda_client().get_function_configuration(
        FunctionName=deployment.outputs["AuthFunction"]
    )
    providers = json.loads(configuration["Environment"]["Variables"]["OAUTH_PROVIDERS"])
    ports = {each["name"]: urlsplit(each.get("issuer") or each["site"]).port for each in providers}
    return {name: port for name, port in ports.items() if port}


def store_client_credentials(
    deployment: E2EEnvironment, provider_name: str, client_id: str, client_secret: str
) -> None:
    """Store the credentials of a provider, as an operator does."""
    credentials = json.dumps({"clientId": client_id, "clientSecret": client_secret})
    parameter = f"/Holdall-local/oauth-{provider_name}"
    deployment.cloud.client("ssm").put_parameter(Name=parameter, Value=credentials, Type="SecureString", Overwrite=True)
