"""Our stack in a cloud: bootstrap and deploy by the CDK command line, only when something changed."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.local.progress import Step, UserError
from infra.stage import Stage

# All that the template and its assets are made of.
_FINGERPRINTED_PATHS = (
    "cdk.json",
    "docs/openapi.json",
    "functions",
    "infra",
    "layers/core",
    "package-lock.json",
    "requirements",
    "web",
)
_RESOURCE_COUNT = re.compile(r"\|\s*(\d+)/(\d+)\s*\|")
_TOOLKIT_STACK = "CDKToolkit"


@dataclass(frozen=True)
class DeployedStack:
    """A stack that is there, in rest."""

    id: str
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class Deployment:
    """The stack of `stage`, for a local cloud on `port`, reached through `environment`."""

    root: Path
    directory: Path
    stage: str
    port: int
    environment: Mapping[str, str]
    overrides: Mapping[str, Any] = field(default_factory=dict)  # values of the stage that are others here

    def deploy_if_changed(self) -> Mapping[str, str]:
        """Bootstrap and deploy what is missing or has changed: the outputs. Raises Trouble."""
        wanted, found = self._fingerprint(), self.find_stack()
        if found and self._read_record() == {"fingerprint": wanted, "stack": found.id}:
            return found.outputs
        if self._describe_stack(_TOOLKIT_STACK) is None:
            with Step("Preparing the account (cdk bootstrap)") as step:
                self._run_cdk(step, "bootstrap", "aws://000000000000/us-east-1")
        with Step("Deploying the stack (cdk deploy)") as step:
            self._run_cdk(step, "deploy", "--require-approval", "never")
        found = self.find_stack()
        if found is None:
            raise UserError(f"cdk deploy left no finished stack behind. {self._recovery_hint()}")
        self._record_file.write_text(json.dumps({"fingerprint": wanted, "stack": found.id}))
        return found.outputs

    def find_stack(self) -> DeployedStack | None:
        """The stack, when it is there and in rest."""
        stack = self._describe_stack(self._load_stage().stack_name)
        if stack is None or not re.fullmatch("(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE", stack["StackStatus"]):
            return None
        return DeployedStack(
            stack["StackId"], {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
        )

    def _describe_stack(self, name: str) -> Mapping[str, Any] | None:
        client = boto3.client(
            "cloudformation",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name=self.environment["AWS_REGION"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )
        try:
            return client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _run_cdk(self, step: Step, *arguments: str) -> None:
        command = [str(self.root / "node_modules" / ".bin" / "cdk"), *arguments, "--progress", "events", "--no-notices"]
        command += ["--context", f"stage={self.stage}", "--context", f"port={self.port}"]
        command += ["--context", f"overrides={json.dumps(self.overrides)}"]
        command += ["--app", f"{sys.executable} -m infra.app", "--output", str(self.directory / "cdk.out")]
        said = list(_stream_output(command, self.root, {**self.environment, **node_environment()}, step))
        if said[-1] != "0":
            told = "\n".join(said[:-1][-25:])
            raise UserError(f"cdk {arguments[0]} failed. It said:\n{told}\n\n{self._recovery_hint()}")

    def _recovery_hint(self) -> str:
        return f"Mend that and say it again; or begin anew, without its data: make down, then remove {self.directory}"

    def _load_stage(self) -> Stage:
        stages = json.loads((self.root / "cdk.json").read_text())["context"]["stages"]
        return Stage.from_context(self.stage, stages, self.port)

    @property
    def _record_file(self) -> Path:
        return self.directory / "deployed.json"

    def _read_record(self) -> Mapping[str, str]:
        return json.loads(self._record_file.read_text()) if self._record_file.is_file() else {}

    def _fingerprint(self) -> str:
        made_of = hashlib.sha256(f"{self.stage} {self.port} {json.dumps(self.overrides)} {sys.version}".encode())
        for file in _source_files(self.root):
            made_of.update(f"{file.relative_to(self.root)} {hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
        return made_of.hexdigest()


def node_environment() -> dict[str, str]:
    """Variables that keep the CDK from asking after its newest version, and from shouting about the age of Node."""
    return {"CDK_DISABLE_VERSION_CHECK": "1", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20,21"}


def _stream_output(command: Sequence[str], root: Path, environment: Mapping[str, str], step: Step) -> Iterator[str]:
    """The lines that a command writes; the last is its exit status."""
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
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in inside if file.is_file() and "__pycache__" not in file.parts)
