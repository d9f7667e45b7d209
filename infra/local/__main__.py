"""The commands behind the Makefile: up, down, status, minio, mail, superuser, invite, token, rotate-keys, test."""

import argparse
import sys

from infra.local import outbox, suites
from infra.local.environment import LocalEnvironment
from infra.local.install import ROOT
from infra.local.process import bypass_proxy
from infra.local.progress import echo, exit_on_user_error
from infra.operator_cli import MAX_TOKEN_LIFETIME, create_superuser, invite_user, rotate_keys


def main() -> int:
    parser = argparse.ArgumentParser(prog="infra.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, does in {
        "up": "start the local cloud, deploy, and print the addresses",
        "down": "end what was started, keeping its data",
        "status": "print the addresses of what runs",
        "minio": "start a MinIO",
        "mail": "print the emails that were sent",
        "rotate-keys": "create the next signing key",
    }.items():
        commands.add_parser(command, help=does)
    commands.add_parser("superuser", help="create a superuser").add_argument("email")
    commands.add_parser("invite", help="create an account and email its owner an invitation").add_argument("email")
    token = commands.add_parser("token", help="print an access token")
    token.add_argument("email")
    token.add_argument("seconds", type=int, nargs="?", default=MAX_TOKEN_LIFETIME)
    commands.add_parser("test", help="run the suites").add_argument("suites", nargs="*")
    given = parser.parse_args()
    bypass_proxy()
    status = 0
    with exit_on_user_error():
        if given.command == "test":
            status = suites.run_suites(given.suites)
        else:
            _run_command(given)
    return status


def _run_command(arguments: argparse.Namespace) -> None:
    house = LocalEnvironment(ROOT)
    if arguments.command == "superuser":
        create_superuser(house.operator, arguments.email)
    elif arguments.command == "invite":
        invite_user(house.operator, arguments.email)
    elif arguments.command == "token":
        echo(house.operator.issue_token(arguments.email, arguments.seconds))
    elif arguments.command == "rotate-keys":
        rotate_keys(house.operator)
    elif arguments.command == "mail":
        echo(outbox.format_emails(house.emails()))
    elif arguments.command == "minio":
        house.minio.start()
        echo(f"\nMinIO is up: {house.minio.endpoint}\nTo end it: make down")
    elif arguments.command == "up":
        house.up()
    elif arguments.command == "down":
        house.down()
    else:
        house.print_status()


if __name__ == "__main__":
    sys.exit(main())
