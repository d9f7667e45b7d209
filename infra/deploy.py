"""Deployments to AWS: `python -m infra.deploy STAGE` checks the account, deploys with the CDK, and keeps the way back.

`python -m infra.deploy STAGE --roll-back` goes back to the release before the last deployment. A second call undoes that.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra import preflight
from infra.build import packaging
from infra.local.install import node_environment
from infra.local.progress import UserError, echo, exit_on_user_error
from infra.operator_cli import load_stage, stack_outputs
from infra.releases import Releases
from infra.stage import Stage

_ROOT = Path(__file__).parents[1]


def deploy(stage: Stage) -> int:
    """Deploy a stage, and return the status of the CDK. Raises UserError if the code cannot be compiled."""
    try:
        echo(f"Byte code: compiled with {packaging.require_python()}.")
    except packaging.BuildFailed as failure:
        raise UserError(str(failure)) from failure
    clients = boto3.client("lambda"), boto3.client("sesv2"), boto3.client("ssm")
    for sentence in preflight.check_account(stage, *clients):
        echo(sentence)
    before = _releases(stack_outputs(stage)).live_versions()
    command = ["node_modules/.bin/cdk", "--no-notices", "-c", f"stage={stage.name}", "deploy"]
    status = subprocess.run(command, cwd=_ROOT, env={**os.environ, **node_environment()}, check=False).returncode
    if status == 0:
        _releases(stack_outputs(stage)).complete(before)
    return status


def roll_back(stage: Stage) -> None:
    """Exchange the live and the previous versions of all functions, and print them."""
    changed = _releases(stack_outputs(stage)).roll_back()
    for function, (live, previous) in changed.items():
        echo(f"{function}: version {previous} instead of {live}")
    echo("Run the command again to undo this." if changed else "There is no previous release to go back to.")


def _releases(outputs: Mapping[str, str]) -> Releases:
    return Releases.of_stack(boto3.client("lambda"), outputs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="infra.deploy", description=__doc__)
    parser.add_argument("stage")
    parser.add_argument("--roll-back", action="store_true", help="call the previous versions")
    arguments = parser.parse_args()
    with exit_on_user_error():
        stage = load_stage(arguments.stage)
        try:
            if arguments.roll_back:
                roll_back(stage)
            else:
                sys.exit(deploy(stage))
        except (BotoCoreError, ClientError) as error:
            raise UserError(f"AWS did not answer as expected: {error}") from error


if __name__ == "__main__":
    main()
