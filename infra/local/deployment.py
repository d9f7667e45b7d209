"""Deployments of the stack to the local cloud with the CDK command line, only if something has changed."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from infra.build import site
from infra.local.install import node_environment
from infra.local.progress import Step, UserError
from infra.releases import Releases
from infra.stage import Stage

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# The sources of the template and its assets.
_FINGERPRINTED_PATHS = (
    "cdk.json",
    "docs/openapi.json",
    "functions",
    "infra",
    "layers/core",
    "package-lock.json",
    "requirements",
    *(f"web/{source}" for source in site.SOURCES),
)
_RESOURCE_COUNT = re.compile(r"\|\s*(\d+)/(\d+)\s*\|")
_TOOLKIT_STACK = "CDKToolkit"


@dataclass(frozen=True)
class DeployedStack:
    """A stack that no operation is changing."""

    id: str
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class Deployment:
    """The stack of `stage` in the local cloud on `port`. The AWS variables in `environment` lead there."""

    root: Path
    directory: Path
    stage: str
    port: int
    environment: Mapping[str, str]
    overrides: Mapping[str, Any] = field(default_factory=dict)  # values that replace those of the stage

    def deploy_if_changed(self) -> Mapping[str, str]:
        """Bootstrap and deploy what is missing or has changed, and return the outputs. Raises UserError."""
        fingerprint, stack = self._fingerprint(), self.find_stack()
        if stack and self._read_record() == {"fingerprint": fingerprint, "stack": stack.id}:
            return stack.outputs
        if self._describe_stack(_TOOLKIT_STACK) is None:
            with Step("Preparing the local account (cdk bootstrap)") as step:
                self._run_cdk(step, "bootstrap", "aws://000000000000/us-east-1")
        before = self._releases(stack).live_versions() if stack else {}
        with Step("Deploying the stack (cdk deploy)") as step:
            self._run_cdk(step, "deploy", "--require-approval", "never")
        stack = self.find_stack()
        if stack is None:
            raise UserError(f"cdk deploy did not complete the stack. {self._recovery_hint()}")
        self._releases(stack).complete(before)
        self._record_file.write_text(json.dumps({"fingerprint": fingerprint, "stack": stack.id}))
        return stack.outputs

    def find_stack(self) -> DeployedStack | None:
        """Return the stack if it exists and no operation is changing it."""
        stack = self._describe_stack(Stage.load(self.stage).stack_name)
        if stack is None or not re.fullmatch("(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE", stack["StackStatus"]):
            return None
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
        return DeployedStack(stack["StackId"], outputs)

    def _releases(self, stack: DeployedStack) -> Releases:
        return Releases.of_stack(self._client("lambda"), stack.outputs)

    def _describe_stack(self, name: str) -> Mapping[str, Any] | None:
        client: CloudFormationClient = self._client("cloudformation")
        try:
            return client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _client(self, service: str) -> Any:
        # No overload accepts a variable name.
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name=self.environment["AWS_REGION"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def _run_cdk(self, step: Step, *arguments: str) -> None:
        command = [str(self.root / "node_modules" / ".bin" / "cdk"), *arguments, "--progress", "events", "--no-notices"]
        command += ["--context", f"stage={self.stage}", "--context", f"port={self.port}"]
        command += ["--context", f"overrides={json.dumps(self.overrides)}"]
        command += ["--app", f"{sys.executable} -m infra.app", "--output", str(self.directory / "cdk.out")]
        *lines, status = _stream_output(command, self.root, {**self.environment, **node_environment()}, step)
        if status != "0":
            output = "\n".join(lines[-25:])
            raise UserError(f"cdk {arguments[0]} failed:\n{output}\n\n{self._recovery_hint()}")

    def _recovery_hint(self) -> str:
        return f"Fix the error and run the command again. To start again without data: make down, then remove {self.directory}"

    @property
    def _record_file(self) -> Path:
        return self.directory / "deployed.json"

    def _read_record(self) -> Mapping[str, str]:
        return json.loads(self._record_file.read_text()) if self._record_file.is_file() else {}

    def _fingerprint(self) -> str:
        fingerprint = hashlib.sha256(f"{self.stage} {self.port} {json.dumps(self.overrides)} {sys.version}".encode())
        for file in _source_files(self.root):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            fingerprint.update(f"{file.relative_to(self.root)} {digest}".encode())
        return fingerprint.hexdigest()


def _stream_output(command: Sequence[str], root: Path, environment: Mapping[str, str], step: Step) -> Iterator[str]:
    """Yield the lines of the output of a command, and then its exit status."""
    with subprocess.Popen(
        command,
        cwd=root,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            count = _RESOURCE_COUNT.search(line)
            if count:
                step.note(f"{count[1]} of {count[2]} resources")
            yield line.rstrip()
    yield str(process.returncode)


def _source_files(root: Path) -> Iterator[Path]:
    for source in _FINGERPRINTED_PATHS:
        path = root / source
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in files if file.is_file() and "__pycache__" not in file.parts)
