"""The time of a failed login for an email address with an account, compared with one without.

    python -m bench login_timing [--addresses 200]

One attempt for each address, in turns, with a wrong password. No rate limit is reached. The goal is a ratio of the medians
below 1.25, and above its inverse, so that the time does not reveal who has an account. Nothing asserts the goal. A hash costs
the same as in AWS (argon2id, 19 MiB, 2 passes). AWS is moto in another process.
"""

import argparse
import os
import statistics
import time
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.latency import run_moto
from holdall.platform.observability import logger
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client

GOAL: Final = 1.25


def measure_logins(addresses: int) -> dict[str, list[float]]:
    """Return the seconds of each login, by whether the address has an account."""
    FakeAws.create()
    client = Client()
    known = [users.sign_up()["email"] for _ in range(addresses)]
    unknown = [users.unique_email() for _ in range(addresses)]
    _time_login(client, users.unique_email())  # not counted, because it creates the clients of AWS
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for known_email, unknown_email in zip(known, unknown, strict=True):
        times["known"].append(_time_login(client, known_email))
        times["unknown"].append(_time_login(client, unknown_email))
    return times


def _time_login(client: Client, email: str) -> float:
    start = time.perf_counter()
    response = client.post("/auth/login", {"email": email, "password": "wrong horse battery"})
    seconds = time.perf_counter() - start
    if response.status != 401:
        raise SystemExit(f"A failed login returned {response.status}: {response.text}")
    return seconds


def build_table(times: dict[str, list[float]]) -> Table:
    addresses = len(times["known"])
    table = Table(
        title=f"A failed login, ms, {addresses} addresses each, {os.cpu_count()} cores",
        caption=f"The goal is a ratio of the medians below {GOAL}. AWS is moto in another process.",
        caption_justify="left",
    )
    table.add_column("address", no_wrap=True)
    for column in ("median", "5 %", "95 %", "ratio"):
        table.add_column(column, justify="right")
    unknown = statistics.median(times["unknown"])
    for name, seconds in times.items():
        median, twentieths = statistics.median(seconds), statistics.quantiles(seconds, n=20)
        values = [f"{value * 1000:.1f}" for value in (median, twentieths[0], twentieths[-1])]
        table.add_row(name, *values, f"{median / unknown:.3f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--addresses", type=int, default=200)
    arguments = parser.parse_args()
    logger.setLevel("CRITICAL")  # because a line for each request would hide the table
    with run_moto():
        Console().print(build_table(measure_logins(arguments.addresses)))


if __name__ == "__main__":
    main()
