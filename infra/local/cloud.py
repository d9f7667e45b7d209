"""A local cloud: MiniStack, and our stack in it, deployed by the real CDK command line."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import requests
from botocore.config import Config

from infra.local import install
from infra.local.deployment import Deployment
from infra.local.process import HOST, Server, refuse_if_taken
from infra.local.progress import Step, Trouble
from infra.local.waiting import until

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

REGION = "us-east-1"
ACCOUNT = "000000000000"


@dataclass
class Cloud(Server):
    """`directory` keeps its state: two clouds on two ports and with two directories know nothing of each other."""

    name = "the local cloud"
    stage: str = "local"
    root: Path = install.ROOT
    but: Mapping[str, Any] = field(default_factory=dict)  # values of the stage that are others here

    def start(self) -> None:
        """Start MiniStack, or find it started. Raises Trouble."""
        if self.runs():
            return
        made_on = self.made_on()
        if made_on not in (None, self.port):
            raise Trouble(
                f"The local cloud was made on port {made_on} and must stay there: the addresses of its queues hold it. "
                f"Say it without HOLDALL_PORT; or begin anew, without its data: remove {self.directory}"
            )
        refuse_if_taken(self.port, "The local cloud", "HOLDALL_PORT")
        self._clear_away()
        self._made_on.write_text(str(self.port))
        python, server = install.CLOUD / "bin" / "python", Path(__file__).with_name("server.py")
        self.launch([str(python), "-P", str(server)], self._environment(), patience=60)

    def deploy(self) -> Mapping[str, str]:
        """Deploy the stack, if anything changed since the last time, and wait for its health: its outputs."""
        outputs = self.deployment.bring_up()
        with Step("Waiting for health"):
            health = f"{outputs['DirectApiUrl']}/health"
            until(lambda: _healthy(health), 60, lambda: self._unhealthy(health))
        return outputs

    def answers(self) -> bool:
        """Whether it is ready."""
        try:
            return requests.get(f"{self.endpoint}/_ministack/health", timeout=2).ok
        except requests.RequestException:
            return False

    def made_on(self) -> int | None:
        """The port that the kept state was made on; None when none is kept."""
        return int(self._made_on.read_text()) if self._has_state() and self._made_on.is_file() else None

    def outputs(self) -> Mapping[str, str]:
        """The outputs of the deployed stack. Raises Trouble when there is none."""
        found = self.deployment.found()
        if found is None:
            raise Trouble("There is no local cloud. First: make up")
        return found.outputs

    @cached_property
    def deployment(self) -> Deployment:
        """Our stack in this cloud."""
        return Deployment(self.root, self.directory, self.stage, self.port, self.desk_environment(), self.but)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client with all rights; with `aws_access_key_id` and so on, one with a role's."""
        given = {"aws_access_key_id": "test", "aws_secret_access_key": "test", **options}
        given.setdefault("config", Config(retries={"mode": "standard"}, s3={"addressing_style": "path"}))
        # The name comes from the caller, so no overload fits.
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **given)  # type: ignore[call-overload]

    def functions(self) -> "LambdaClient":
        """The client that invokes functions directly."""
        client: LambdaClient = self.client("lambda")
        return client

    def desk_environment(self) -> dict[str, str]:
        """What the CDK command line, or anything else at the desk, needs to speak to this cloud and to no other."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        nothing = str(self.directory / "none")
        return {
            **kept,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CONFIG_FILE": nothing,
            "AWS_SHARED_CREDENTIALS_FILE": nothing,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _environment(self) -> dict[str, str]:
        """All that MiniStack may see: whatever it sees, every Lambda sees too."""
        python = install.CLOUD / "bin"
        return {
            "PATH": f"{python}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self._temporary),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",  # it would listen on all interfaces
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._state),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._objects),
        }

    def _clear_away(self) -> None:
        """What a killed server leaves: its temporary folders, and objects that no state knows of."""
        shutil.rmtree(self._temporary, ignore_errors=True)
        if not self._has_state():
            shutil.rmtree(self._objects, ignore_errors=True)
        for folder in (self._temporary, self._state, self._objects):
            folder.mkdir(parents=True, exist_ok=True)

    def _has_state(self) -> bool:
        # A server that was killed before its first clean stop leaves a key there, and nothing that it knew.
        return (self._state / "cloudformation.json").is_file()

    @property
    def _state(self) -> Path:
        return self.directory / "state"

    @property
    def _made_on(self) -> Path:
        return self.directory / "port"

    @property
    def _temporary(self) -> Path:
        return self.directory / "tmp"

    @property
    def _objects(self) -> Path:
        return self.directory / "objects"

    def _unhealthy(self, health: str) -> Trouble:
        return Trouble(
            f"{health} does not answer 200. The functions' log lines are in CloudWatch Logs of the local cloud; "
            f"its own log is {self.process.log}."
        )


def _healthy(address: str) -> bool:
    try:
        return requests.get(address, timeout=30).status_code == 200
    except requests.RequestException:
        return False
