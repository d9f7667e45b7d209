"""`python -m infra.superuser --email …`: make a superuser, by a direct call of the auth function. Never over HTTP."""

import argparse
import getpass
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from infra.local.progress import Trouble, say, sentence
from infra.stage import Stage

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ROOT = Path(__file__).parents[1]


def make(functions: "LambdaClient", auth: str, email: str, password: str) -> str:
    """The id of the superuser with this address, made where there was none. Raises Trouble with the reason."""
    payload = {"command": "superuser", "email": email, "password": password}
    answer = functions.invoke(FunctionName=auth, Payload=json.dumps(payload))
    told: Mapping[str, Any] = json.loads(answer["Payload"].read()) or {}
    if "userId" not in told:
        reason = told.get("detail") or told.get("errorMessage") or told
        raise Trouble(f"The auth function made no superuser: {reason}")
    return str(told["userId"])


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


def in_aws(stage_name: str, email: str, password: str) -> str:
    """Make one in the stack that this shell's AWS credentials reach. Raises Trouble."""
    stages = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]
    stack = Stage.named(stage_name, stages).stack_name
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    return make(boto3.client("lambda"), outputs["AuthFunction"], email, password)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a superuser in a stack in AWS.")
    parser.add_argument("--email", required=True)
    parser.add_argument("--stage", default="cloud")
    given = parser.parse_args()
    with sentence():
        say(f"Superuser {in_aws(given.stage, given.email, asked_password())}: {given.email}")


if __name__ == "__main__":
    main()
