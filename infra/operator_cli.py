"""What only an operator does: direct calls of the auth function, which IAM allows to whoever may invoke it. Never over HTTP.

`python -m infra.operator_cli superuser --email …` and `rotate-keys`, with `--stage`, in AWS; `infra.local` does the same here.
"""

import argparse
import getpass
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from infra.local.progress import UserError, echo, exit_on_user_error
from infra.stage import Stage

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ROOT = Path(__file__).parents[1]
MAX_TOKEN_LIFETIME = 900  # seconds: what verifiers allow any access token (quality bar, S1)


@dataclass(frozen=True)
class OperatorClient:
    """Somebody with the rights of AWS. `auth` is the name of the deployed function."""

    lambda_client: "LambdaClient"
    auth_function: str

    def create_superuser(self, email: str, password: str) -> str:
        """The id of the superuser with this address, made where there was none. Raises Trouble with the reason."""
        return str(
            self._invoke("userId", "did not create the superuser", command="superuser", email=email, password=password)
        )

    def invite(self, email: str) -> str:
        """The id of the account that was prepared for this address; a letter is on its way. Raises Trouble."""
        return str(self._invoke("userId", "did not send the invitation", command="invite", email=email))

    def issue_token(self, email: str, seconds: int) -> str:
        """An access token of somebody's, of a session of its own. Raises Trouble with the reason."""
        if not 1 <= seconds <= MAX_TOKEN_LIFETIME:
            raise UserError(f"An access token lives 1 to {MAX_TOKEN_LIFETIME} seconds, so TTL cannot be {seconds}.")
        return str(self._invoke("accessToken", "did not issue a token", command="token", email=email, seconds=seconds))

    def rotate_keys(self) -> str:
        """Make the next signing key, or find it made: from when on it signs. Raises Trouble with the reason."""
        return str(self._invoke("signsFrom", "did not create a signing key", command="rotate-keys"))

    def _invoke(self, result_key: str, failure: str, **payload: Any) -> Any:
        answer = self.lambda_client.invoke(FunctionName=self.auth_function, Payload=json.dumps(payload))
        told: Mapping[str, Any] = json.loads(answer["Payload"].read()) or {}
        if result_key not in told:
            raise UserError(f"The auth function {failure}: {told.get('errorMessage') or told}")
        return told[result_key]


def generate_password() -> str:
    """Eighteen letters and signs that nobody guesses."""
    return secrets.token_urlsafe(13)


def read_password() -> str:
    """The password of `HOLDALL_PASSWORD`, or typed in, or, where nobody can type, a new one that is printed."""
    given = os.environ.get("HOLDALL_PASSWORD")
    if given:
        return given
    if sys.stdin.isatty():
        return getpass.getpass("Password of the superuser: ")
    password = generate_password()
    echo(f"Password: {password}")
    return password


def connect(stage_name: str) -> OperatorClient:
    """The operator of the stack that this shell's AWS credentials reach. Raises BadStage."""
    stages = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]
    stack = Stage.from_context(stage_name, stages).stack_name
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    return OperatorClient(boto3.client("lambda"), outputs["AuthFunction"])


def create_superuser(operator: OperatorClient, email: str) -> None:
    """Make a superuser, and say so. Raises Trouble."""
    echo(f"Superuser {operator.create_superuser(email, read_password())}: {email}")


def invite_user(operator: OperatorClient, email: str) -> None:
    """Invite somebody, and say so. Raises Trouble."""
    echo(f"Invited {email}: account {operator.invite(email)} has no password yet. An email is on its way.")


def rotate_keys(operator: OperatorClient) -> None:
    """Make the next signing key, and say so. Raises Trouble."""
    echo(f"The next signing key is published, and signs from {operator.rotate_keys()} on. The old one stays valid.")


def main() -> None:
    parser = argparse.ArgumentParser(description="What an operator does in a stack in AWS.")
    parser.add_argument("--stage", default="cloud")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("superuser", help="create a superuser").add_argument("email")
    commands.add_parser("invite", help="create an account and email its owner an invitation").add_argument("email")
    commands.add_parser("rotate-keys", help="create the next signing key")
    given = parser.parse_args()
    with exit_on_user_error():
        operator = connect(given.stage)
        if given.command == "superuser":
            create_superuser(operator, given.email)
        elif given.command == "invite":
            invite_user(operator, given.email)
        else:
            rotate_keys(operator)


if __name__ == "__main__":
    main()
