"""The commands behind the Makefile: up, down, status, minio, mail, superuser, invite, token, rotate-keys, test."""

import argparse
import sys

from infra.local import letters, testing
from infra.local.house import House
from infra.local.install import ROOT
from infra.local.process import know_this_machine
from infra.local.progress import say, sentence
from infra.operator import LONGEST, tell_invitation, tell_rotation, tell_superuser


def main() -> int:
    parser = argparse.ArgumentParser(prog="infra.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, does in {
        "up": "start the local cloud, deploy, and print the addresses",
        "down": "end what was started, keeping its data",
        "status": "print the addresses of what runs",
        "minio": "start a MinIO",
        "mail": "print the letters that were sent",
        "rotate-keys": "make the next signing key",
    }.items():
        commands.add_parser(command, help=does)
    commands.add_parser("superuser", help="make a superuser").add_argument("email")
    commands.add_parser("invite", help="prepare an account, and send its owner a letter").add_argument("email")
    token = commands.add_parser("token", help="print an access token")
    token.add_argument("email")
    token.add_argument("seconds", type=int, nargs="?", default=LONGEST)
    commands.add_parser("test", help="run the suites").add_argument("suites", nargs="*")
    given = parser.parse_args()
    know_this_machine()
    status = 0
    with sentence():
        if given.command == "test":
            status = testing.run(given.suites)
        else:
            _at_home(given)
    return status


def _at_home(given: argparse.Namespace) -> None:
    house = House(ROOT)
    if given.command == "superuser":
        tell_superuser(house.operator, given.email)
    elif given.command == "invite":
        tell_invitation(house.operator, given.email)
    elif given.command == "token":
        say(house.operator.token(given.email, given.seconds))
    elif given.command == "rotate-keys":
        tell_rotation(house.operator)
    elif given.command == "mail":
        say(letters.printed(house.letters()))
    elif given.command == "minio":
        house.minio.start()
        say(f"\nMinIO is up: {house.minio.endpoint}\nTo end it: make down")
    elif given.command == "up":
        house.up()
    elif given.command == "down":
        house.down()
    else:
        house.status()


if __name__ == "__main__":
    sys.exit(main())
