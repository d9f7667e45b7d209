"""The local cloud: MiniStack, and our stack in it, deployed with the CDK command line."""

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
    """MiniStack. Its state is in `directory`, so clouds with different directories and ports are independent."""

    name = "the local cloud"
    stage: str = "local"
    root: Path = install.ROOT
    overrides: Mapping[str, Any] = field(default_factory=dict)  # values that replace those of the stage

    def start(self) -> None:
        """Start MiniStack if it is not running. Raises UserError."""
        if self.is_running():
            return
        state_port = self.state_port()
        if state_port not in (None, self.port):
            raise UserError(
                f"The local cloud was created on port {state_port}, which is part of the URLs of its queues. "
                f"Run the command without HOLDALL_PORT, or remove {self.directory} to start again without its data."
            )
        require_free_port(self.port, "The local cloud", "HOLDALL_PORT")
        self._clean_up()
        self._port_file.write_text(str(self.port))
        python, server = install.MINISTACK_VENV / "bin" / "python", Path(__file__).with_name("ministack_server.py")
        self.launch([str(python), "-P", str(server)], self._environment(), timeout=60)

    def deploy(self) -> Mapping[str, str]:
        """Deploy the stack if anything has changed, wait until it is healthy, and return its outputs. Raises UserError."""
        outputs = self.deployment.deploy_if_changed()
        with Step("Waiting until the API is healthy"):
            health = f"{outputs['DirectApiUrl']}/health"
            wait_until(lambda: _is_healthy(health), 60, lambda: self._health_error(health))
        return outputs

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.endpoint}/_ministack/health", timeout=2).ok
        except requests.RequestException:
            return False

    def state_port(self) -> int | None:
        """Return the port that the saved state was created on, or None if there is no state."""
        return int(self._port_file.read_text()) if self._has_state() and self._port_file.is_file() else None

    def outputs(self) -> Mapping[str, str]:
        """Return the outputs of the deployed stack. Raises UserError if it is not deployed."""
        stack = self.deployment.find_stack()
        if stack is None:
            raise UserError("The local cloud is not running. Start it: make up")
        return stack.outputs

    @cached_property
    def deployment(self) -> Deployment:
        return Deployment(self.root, self.directory, self.stage, self.port, self.client_environment(), self.overrides)

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client with all rights, or with the credentials in `options`."""
        options = {"aws_access_key_id": "test", "aws_secret_access_key": "test", **options}
        options.setdefault("config", Config(retries={"mode": "standard"}, s3={"addressing_style": "path"}))
        # No overload accepts a variable name.
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **options)  # type: ignore[call-overload]

    def lambda_client(self) -> "LambdaClient":
        client: LambdaClient = self.client("lambda")
        return client

    def client_environment(self) -> dict[str, str]:
        """Return environment variables with which the CDK command line and SDKs reach this cloud and no other."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        missing_file = str(self.directory / "none")
        return {
            **inherited,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CONFIG_FILE": missing_file,
            "AWS_SHARED_CREDENTIALS_FILE": missing_file,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _environment(self) -> dict[str, str]:
        """Return all variables of MiniStack. It inherits none, because every Lambda function would see them."""
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
        """Delete what a killed server leaves: temporary files, and objects that are not in the saved state."""
        shutil.rmtree(self._tmp_dir, ignore_errors=True)
        if not self._has_state():
            shutil.rmtree(self._objects_dir, ignore_errors=True)
        for folder in (self._tmp_dir, self._state_dir, self._objects_dir):
            folder.mkdir(parents=True, exist_ok=True)

    def _has_state(self) -> bool:
        # A server that is killed before its first clean stop leaves other files in the directory.
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
            f"{url} does not return 200. The logs of the functions are in CloudWatch Logs of the local cloud. "
            f"Its own log is {self.process.log_file}."
        )


def _is_healthy(url: str) -> bool:
    try:
        return requests.get(url, timeout=30).status_code == 200
    except requests.RequestException:
        return False
