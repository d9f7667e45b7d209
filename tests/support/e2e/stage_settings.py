"""Settings of the deployed stage that differ for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.local.e2e_environment import E2EEnvironment
from infra.releases import LIVE, Releases


@contextmanager
def auth_settings(deployment: E2EEnvironment, **changes: str) -> Iterator[None]:
    """Let the function of accounts have other environment variables as long as a block, in a version of its own."""
    outputs = {"AuthFunction": deployment.outputs["AuthFunction"]}
    releases = Releases.of_stack(deployment.cloud.lambda_client(), outputs)
    (function,), before = releases.functions, releases.live_versions()
    configuration = releases.client.get_function_configuration(FunctionName=function)
    variables = configuration["Environment"]["Variables"]
    assert changes.keys() <= variables.keys(), changes

    def publish(environment: dict[str, str]) -> str:
        releases.client.update_function_configuration(FunctionName=function, Environment={"Variables": environment})
        return releases.client.publish_version(FunctionName=function)["Version"]

    version = publish({**variables, **changes})
    releases.client.update_alias(FunctionName=function, Name=LIVE, FunctionVersion=version)
    try:
        yield
    finally:
        releases.client.update_alias(FunctionName=function, Name=LIVE, FunctionVersion=before[function])
        releases.client.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
        releases.client.delete_function(FunctionName=function, Qualifier=version)
