"""Logins that fail: what an address that has an account costs, against one that has none.

    python -m bench.login_timing [--addresses 200]

One try each, in turns, with a wrong password, and with limits that nobody reaches. Goal: a ratio of the medians below 1.25
(and, the other way round, above its inverse), so that time does not tell who has an account; it is printed, never asserted.
The hash costs what it does in a cloud stage (argon2id, 19 MiB, 2 passes). The handler runs in this process, the stores in
another.
"""

import argparse
import importlib
import os
import statistics
import time
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.latency import run_moto

GOAL: Final = 1.25
_WRONG_PASSWORD: Final = "wrong horse battery"


def measure_logins(addresses: int) -> dict[str, list[float]]:
    """Seconds of each login, by whether the address is known."""
    os.environ["POWERTOOLS_LOG_LEVEL"] = "WARNING"  # a line for each request would bury the table
    importlib.import_module("tests.api.aws").FakeAws.create()
    people = importlib.import_module("tests.api.users")
    client: Any = importlib.import_module("tests.support.client").Client()
    known = [people.sign_up()["email"] for _ in range(addresses)]
    unknown = [people.unique_email() for _ in range(addresses)]
    _time_login(client, people.unique_email())  # once for nothing: clients are opened
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for one, other in zip(known, unknown, strict=True):
        times["known"].append(_time_login(client, one))
        times["unknown"].append(_time_login(client, other))
    return times


def _time_login(client: Any, email: str) -> float:
    began = time.perf_counter()
    answer = client.post("/auth/login", {"email": email, "password": _WRONG_PASSWORD})
    seconds = time.perf_counter() - began
    if answer.status != 401:
        raise SystemExit(f"A login that fails answered {answer.status}: {answer.text}")
    return seconds


def build_table(durations: dict[str, list[float]]) -> Table:
    """The figures, as they are printed."""
    addresses = len(durations["known"])
    table = Table(
        title=f"A login that fails, ms, {addresses} addresses each, {os.cpu_count()} cores",
        caption=f"Goal: a ratio of the medians below {GOAL}. The stores are moto in another process.",
        caption_justify="left",
    )
    table.add_column("address", no_wrap=True)
    for column in ("median", "5 %", "95 %", "ratio"):
        table.add_column(column, justify="right")
    unknown = statistics.median(durations["unknown"])
    for name, each in durations.items():
        middle, twentieths = statistics.median(each), statistics.quantiles(each, n=20)
        shown = [f"{value * 1000:.1f}" for value in (middle, twentieths[0], twentieths[-1])]
        table.add_row(name, *shown, f"{middle / unknown:.3f}")
    return table


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--addresses", type=int, default=200)
    given, _ = arguments.parse_known_args()
    with run_moto():
        Console().print(build_table(measure_logins(given.addresses)))


if __name__ == "__main__":
    main()
