"""The commands behind the Makefile: up, down, status, minio, outbox, clock, test, and those of the operator."""

import argparse
import sys

from infra.local import moving_clock, outbox, suites
from infra.local.environment import LocalEnvironment
from infra.local.install import ROOT
from infra.local.process import bypass_proxy
from infra.local.progress import echo, exit_on_user_error
from infra.operator_cli import (
    MAX_TOKEN_LIFETIME,
    OperatorClient,
    add_task_command,
    create_superuser,
    invite_user,
    rotate_keys,
    run_task,
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="infra.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, description in {
        "up": "start the local cloud, deploy the stack, and print the URLs",
        "down": "stop the servers, and keep their data",
        "status": "print the URLs of the running servers",
        "minio": "start MinIO",
        "outbox": "print the emails that were sent",
        "rotate-keys": "create the next signing key",
    }.items():
        command_parser = commands.add_parser(command, help=description)
        if command == "up":
            command_parser.add_argument("--edge", choices=["minio"], help="the server of the edge store")
    commands.add_parser("superuser", help="create a superuser").add_argument("email")
    commands.add_parser("invite", help="create an account and email its owner an invitation").add_argument("email")
    token = commands.add_parser("token", help="print an access token")
    token.add_argument("email")
    token.add_argument("seconds", type=int, nargs="?", default=MAX_TOKEN_LIFETIME)
    add_task_command(commands)
    clock = commands.add_parser("clock", help="move the time that the stack tells")
    clock.add_argument("add", nargs="?", default="0s", help="such as 30d; `reset` for the real time")
    test = commands.add_parser("test", help="run all test suites, or some")
    test.add_argument("--long", action="store_true", help="run all rounds of tests that repeat a race")
    test.add_argument("suites", nargs="*")
    arguments = parser.parse_args()
    bypass_proxy()
    with exit_on_user_error():
        if arguments.command == "test":
            sys.exit(suites.run_suites(arguments.suites, long=arguments.long))
        _run_command(arguments)


def _run_command(arguments: argparse.Namespace) -> None:
    local = LocalEnvironment(ROOT)
    if arguments.command in ("superuser", "invite", "token", "rotate-keys", "task"):
        _run_operator_command(local.operator, arguments)
    elif arguments.command == "clock":
        _move_clock(local, arguments.add)
    elif arguments.command == "outbox":
        echo(outbox.format_emails(local.emails()))
    elif arguments.command == "minio":
        local.minio.start()
        echo(f"\nMinIO is running: {local.minio.endpoint}\nStop it: make down")
    elif arguments.command == "up":
        local.up(with_edge=arguments.edge is not None)
    elif arguments.command == "down":
        local.down()
    else:
        local.print_status()


def _run_operator_command(operator: OperatorClient, arguments: argparse.Namespace) -> None:
    if arguments.command == "superuser":
        create_superuser(operator, arguments.email)
    elif arguments.command == "invite":
        invite_user(operator, arguments.email)
    elif arguments.command == "token":
        echo(operator.issue_token(arguments.email, arguments.seconds))
    elif arguments.command == "task":
        run_task(operator, arguments.name, dry_run=arguments.dry_run)
    else:
        rotate_keys(operator)


def _move_clock(local: LocalEnvironment, add: str) -> None:
    if add == "reset":
        moving_clock.reset(local.cloud)
        echo("The clock tells the real time again. What was made in its future keeps its times.")
        return
    time = moving_clock.advance(local.cloud, moving_clock.parse_duration(add))
    echo(
        f"The clock of the local stack: {time:%Y-%m-%d %H:%M:%S} UTC. Tasks run by themselves at real times: make task"
    )


if __name__ == "__main__":
    main()
