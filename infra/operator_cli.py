"""Commands for operators, which call functions directly. IAM decides who can; most have no HTTP route.

`python -m infra.operator_cli [--stage STAGE] {superuser,invite,rotate-keys,task} …` works in AWS. `infra.local` has the same
commands for the local cloud.
"""

import argparse
import getpass
import json
import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from infra.local.progress import UserError, echo, exit_on_user_error
from infra.stage import InvalidStage, Stage

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_REPORT_INTERVAL = 2  # seconds
MAX_TOKEN_LIFETIME = 900  # seconds; verifiers reject access tokens that live longer


@dataclass(frozen=True)
class OperatorClient:
    """A client of two functions, by their deployed names. Its methods raise UserError with the reason."""

    lambda_client: "LambdaClient"
    auth_function: str
    maintenance_function: str

    @classmethod
    def from_outputs(cls, lambda_client: "LambdaClient", outputs: Mapping[str, str]) -> "OperatorClient":
        """Return the client of a stack with these outputs."""
        return cls(lambda_client, outputs["AuthFunction"], outputs["MaintenanceFunction"])

    def create_superuser(self, email: str, password: str) -> str:
        """Make the account with this email address a superuser, create it if it is missing, and return its ID."""
        command = {"command": "superuser", "email": email, "password": password}
        return self._invoke(command, result_key="userId", failure="did not create the superuser")

    def invite(self, email: str) -> str:
        """Create an account without a password, email its owner an invitation, and return its ID."""
        return self._invoke(
            {"command": "invite", "email": email}, result_key="userId", failure="did not send the invitation"
        )

    def issue_token(self, email: str, seconds: int) -> str:
        """Create a session of a user, and return an access token."""
        if not 1 <= seconds <= MAX_TOKEN_LIFETIME:
            raise UserError(f"TTL must be 1 to {MAX_TOKEN_LIFETIME} seconds, not {seconds}.")
        command = {"command": "token", "email": email, "seconds": seconds}
        return self._invoke(command, result_key="accessToken", failure="did not issue a token")

    def rotate_keys(self) -> str:
        """Create the next signing key unless it exists, and return the time from which it signs."""
        return self._invoke(
            {"command": "rotate-keys"}, result_key="activatesAt", failure="did not create a signing key"
        )

    def run_task(self, task: str, *, dry_run: bool) -> Mapping[str, Any]:
        """Run a task of maintenance now, wait until it ends, and return its report."""
        report = self._call_maintenance({"command": "run", "task": task, "dryRun": dry_run})
        while report["ended_at"] is None:
            time.sleep(_REPORT_INTERVAL)
            report = self._call_maintenance({"command": "report", "task": task})
        return report

    def _call_maintenance(self, command: Mapping[str, object]) -> Mapping[str, Any]:
        report = self._call(self.maintenance_function, command)
        if "counts" not in report:
            raise UserError(f"The task did not run: {report.get('errorMessage') or report}")
        return report

    def _invoke(self, command: Mapping[str, object], *, result_key: str, failure: str) -> str:
        result = self._call(self.auth_function, command)
        if result_key not in result:
            raise UserError(f"The auth function {failure}: {result.get('errorMessage') or result}")
        return str(result[result_key])

    def _call(self, function: str, command: Mapping[str, object]) -> Mapping[str, Any]:
        response = self.lambda_client.invoke(FunctionName=function, Payload=json.dumps(command))
        result: Mapping[str, Any] = json.loads(response["Payload"].read()) or {}
        return result


def generate_password() -> str:
    return secrets.token_urlsafe(13)


def read_password() -> str:
    """Return the password in `HOLDALL_PASSWORD`, else ask for one, or print a new one if there is no terminal."""
    password = os.environ.get("HOLDALL_PASSWORD")
    if password:
        return password
    if sys.stdin.isatty():
        return getpass.getpass("Password of the superuser: ")
    password = generate_password()
    echo(f"Password: {password}")
    return password


def load_stage(name: str) -> Stage:
    """Read a stage from `cdk.json`. Raises UserError."""
    try:
        return Stage.load(name)
    except InvalidStage as error:
        raise UserError(str(error)) from error


def stack_outputs(stage: Stage) -> Mapping[str, str]:
    """Return the outputs of the stack in the AWS account of this shell's credentials. They are empty if it does not exist."""
    try:
        stack = boto3.client("cloudformation").describe_stacks(StackName=stage.stack_name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return {}
        raise
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def connect(stage_name: str) -> OperatorClient:
    """Return a client of the stack of a stage. Raises UserError."""
    stage = load_stage(stage_name)
    outputs = stack_outputs(stage)
    if "AuthFunction" not in outputs:
        raise UserError(f"The stack {stage.stack_name} is not deployed in this account and region.")
    return OperatorClient.from_outputs(boto3.client("lambda"), outputs)


def create_superuser(operator: OperatorClient, email: str) -> None:
    echo(f"Superuser {operator.create_superuser(email, read_password())}: {email}")


def invite_user(operator: OperatorClient, email: str) -> None:
    echo(f"Invited {email}: account {operator.invite(email)} has no password yet. The invitation is on its way.")


def rotate_keys(operator: OperatorClient) -> None:
    echo(f"The next signing key is published, and signs from {operator.rotate_keys()} on. The old one stays valid.")


def run_task(operator: OperatorClient, task: str, *, dry_run: bool) -> None:
    report = operator.run_task(task, dry_run=dry_run)
    echo(f"{task}{' (dry run)' if report['dry_run'] else ''}: {format_report(report)}")


def format_report(report: Mapping[str, Any]) -> str:
    """Return what a run found: the counts, and a line for each example."""
    counts = ", ".join(f"{number} {name}" for name, number in report["counts"].items()) or "nothing"
    lines = [f"  {each['finding']}: {each['subject']}" for each in report["examples"]]
    return "\n".join([counts, *lines])


def add_task_command(commands: Any) -> None:
    task = commands.add_parser("task", help="run a task of maintenance now, and print its report")
    task.add_argument("name")
    task.add_argument("--dry-run", action="store_true", help="only report what it would do")


def main() -> None:
    parser = argparse.ArgumentParser(description="Commands for operators of a stack in AWS.")
    parser.add_argument("--stage", default="cloud")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("superuser", help="create a superuser").add_argument("email")
    commands.add_parser("invite", help="create an account and email its owner an invitation").add_argument("email")
    commands.add_parser("rotate-keys", help="create the next signing key")
    add_task_command(commands)
    arguments = parser.parse_args()
    with exit_on_user_error():
        operator = connect(arguments.stage)
        if arguments.command == "superuser":
            create_superuser(operator, arguments.email)
        elif arguments.command == "invite":
            invite_user(operator, arguments.email)
        elif arguments.command == "task":
            run_task(operator, arguments.name, dry_run=arguments.dry_run)
        else:
            rotate_keys(operator)


if __name__ == "__main__":
    main()
