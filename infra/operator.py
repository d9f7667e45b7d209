"""What only an operator does: direct calls of the auth function, which IAM allows to whoever may invoke it. Never over HTTP.

`python -m infra.operator superuser --email …` and `rotate-keys`, with `--stage`, in AWS; `infra.local` does the same here.
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

from infra.local.progress import Trouble, say, sentence
from infra.stage import Stage

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ROOT = Path(__file__).parents[1]
LONGEST = 900  # seconds: what verifiers allow any access token (quality bar, S1)


@dataclass(frozen=True)
class Operator:
    """Somebody with the rights of AWS. `auth` is the name of the deployed function."""

    functions: "LambdaClient"
    auth: str

    def make_superuser(self, email: str, password: str) -> str:
        """The id of the superuser with this address, made where there was none. Raises Trouble with the reason."""
        return str(self._told("userId", "made no superuser", command="superuser", email=email, password=password))

    def invite(self, email: str) -> str:
        """The id of the account that was prepared for this address; a letter is on its way. Raises Trouble."""
        return str(self._told("userId", "invited nobody", command="invite", email=email))

    def token(self, email: str, seconds: int) -> str:
        """An access token of somebody's, of a session of its own. Raises Trouble with the reason."""
        if not 1 <= seconds <= LONGEST:
            raise Trouble(f"An access token lives 1 to {LONGEST} seconds, so TTL cannot be {seconds}.")
        return str(self._told("accessToken", "gave no token", command="token", email=email, seconds=seconds))

    def rotate_keys(self) -> str:
        """Make the next signing key, or find it made: from when on it signs. Raises Trouble with the reason."""
        return str(self._told("signsFrom", "made no key", command="rotate-keys"))

    def _told(self, wanted: str, instead: str, **said: Any) -> Any:
        answer = self.functions.invoke(FunctionName=self.auth, Payload=json.dumps(said))
        told: Mapping[str, Any] = json.loads(answer["Payload"].read()) or {}
        if wanted not in told:
            raise Trouble(f"The auth function {instead}: {told.get('errorMessage') or told}")
        return told[wanted]


def new_password() -> str:
    """Eighteen letters and signs that nobody guesses."""
    return secrets.token_urlsafe(13)


def asked_password() -> str:
    """The password of `HOLDALL_PASSWORD`, or typed in, or, where nobody can type, a new one that is printed."""
    given = os.environ.get("HOLDALL_PASSWORD")
    if given:
        return given
    if sys.stdin.isatty():
        return getpass.getpass("Password of the superuser: ")
    password = new_password()
    say(f"Password: {password}")
    return password


def in_aws(stage_name: str) -> Operator:
    """The operator of the stack that this shell's AWS credentials reach. Raises BadStage."""
    stages = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]
    stack = Stage.named(stage_name, stages).stack_name
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    return Operator(boto3.client("lambda"), outputs["AuthFunction"])


def tell_superuser(operator: Operator, email: str) -> None:
    """Make a superuser, and say so. Raises Trouble."""
    say(f"Superuser {operator.make_superuser(email, asked_password())}: {email}")


def tell_invitation(operator: Operator, email: str) -> None:
    """Invite somebody, and say so. Raises Trouble."""
    say(f"Invited {email}: account {operator.invite(email)} waits for its password. A letter is on its way.")


def tell_rotation(operator: Operator) -> None:
    """Make the next signing key, and say so. Raises Trouble."""
    say(f"The next signing key is published, and signs from {operator.rotate_keys()} on. The old one stays valid.")


def main() -> None:
    parser = argparse.ArgumentParser(description="What an operator does in a stack in AWS.")
    parser.add_argument("--stage", default="cloud")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("superuser", help="make a superuser").add_argument("email")
    commands.add_parser("invite", help="prepare an account, and send its owner a letter").add_argument("email")
    commands.add_parser("rotate-keys", help="make the next signing key")
    given = parser.parse_args()
    with sentence():
        operator = in_aws(given.stage)
        if given.command == "superuser":
            tell_superuser(operator, given.email)
        elif given.command == "invite":
            tell_invitation(operator, given.email)
        else:
            tell_rotation(operator)


if __name__ == "__main__":
    main()
