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
from infra.local.process import HOST, Server, require_free_port
from infra.local.progress import Step, UserError
from infra.local.waiting import wait_until

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

REGION = "us-east-1"
ACCOUNT = "000000000000"


@dataclass
class LocalCloud(Server):
    """`directory` keeps its state: two clouds on two ports and with two directories know nothing of each other."""

    name = "the local cloud"
    stage: str = "local"
    root: Path = install.ROOT
    overrides: Mapping[str, Any] = field(default_factory=dict)  # values of the stage that are others here

    def start(self) -> None:
        """Start MiniStack, or find it started. Raises Trouble."""
        if self.is_running():
            return
        made_on = self.state_port()
        if made_on not in (None, self.port):
            raise UserError(
                f"The local cloud was made on port {made_on} and must stay there: the addresses of its queues hold it. "
                f"Say it without HOLDALL_PORT; or begin anew, without its data: remove {self.directory}"
            )
        require_free_port(self.port, "The local cloud", "HOLDALL_PORT")
        self._clean_up()
        self._port_file.write_text(str(self.port))
        python, server = install.MINISTACK_VENV / "bin" / "python", Path(__file__).with_name("server.py")
        self.launch([str(python), "-P", str(server)], self._environment(), timeout=60)

    def deploy(self) -> Mapping[str, str]:
        """Deploy the stack, if anything changed since the last time, and wait for its health: its outputs."""
        outputs = self.deployment.deploy_if_changed()
        with Step("Waiting for health"):
            health = f"{outputs['DirectApiUrl']}/health"
            wait_until(lambda: _is_healthy(health), 60, lambda: self._health_error(health))
        return outputs

    def is_ready(self) -> bool:
        """Whether it is ready."""
        try:
            return requests.get(f"{self.endpoint}/_ministack/health", timeout=2).ok
        except requests.RequestException:
            return False

    def state_port(self) -> int | None:
        """The port that the kept state was made on; None when none is kept."""
        return int(self._port_file.read_text()) if self._has_state() and self._port_file.is_file() else None

    def outputs(self) -> Mapping[str, str]:
        """The outputs of the deployed stack. Raises Trouble when there is none."""
        found = self.deployment.find_stack()
        if found is None:
            raise UserError("There is no local cloud. First: make up")
        return found.outputs

    @cached_property
    def deployment(self) -> Deployment:
        """Our stack in this cloud."""
        return Deployment(self.root, self.directory, self.stage, self.port, self.client_environment(), self.overrides)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client with all rights; with `aws_access_key_id` and so on, one with a role's."""
        given = {"aws_access_key_id": "test", "aws_secret_access_key": "test", **options}
        given.setdefault("config", Config(retries={"mode": "standard"}, s3={"addressing_style": "path"}))
        # The name comes from the caller, so no overload fits.
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **given)  # type: ignore[call-overload]

    def lambda_client(self) -> "LambdaClient":
        """The client that invokes functions directly."""
        client: LambdaClient = self.client("lambda")
        return client

    def client_environment(self) -> dict[str, str]:
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
        python = install.MINISTACK_VENV / "bin"
        return {
            "PATH": f"{python}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self._tmp_dir),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",  # it would listen on all interfaces
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._state_dir),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._objects_dir),
        }

    def _clean_up(self) -> None:
        """What a killed server leaves: its temporary folders, and objects that no state knows of."""
        shutil.rmtree(self._tmp_dir, ignore_errors=True)
        if not self._has_state():
            shutil.rmtree(self._objects_dir, ignore_errors=True)
        for folder in (self._tmp_dir, self._state_dir, self._objects_dir):
            folder.mkdir(parents=True, exist_ok=True)

    def _has_state(self) -> bool:
        # A server that was killed before its first clean stop leaves a key there, and nothing that it knew.
        return (self._state_dir / "cloudformation.json").is_file()

    @property
    def _state_dir(self) -> Path:
        return self.directory / "state"

    @property
    def _port_file(self) -> Path:
        return self.directory / "port"

    @property
    def _tmp_dir(self) -> Path:
        return self.directory / "tmp"

    @property
    def _objects_dir(self) -> Path:
        return self.directory / "objects"

    def _health_error(self, url: str) -> UserError:
        return UserError(
            f"{url} does not answer 200. The functions' log lines are in CloudWatch Logs of the local cloud; "
            f"its own log is {self.process.log_file}."
        )


def _is_healthy(url: str) -> bool:
    try:
        return requests.get(url, timeout=30).status_code == 200
    except requests.RequestException:
        return False
