"""Who may import whom: section 3 of the design as data, and the check of one module against it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tests.house.tree import Import, Module

# Each may call those of earlier lines.
ORDER = (
    {"audit", "limits", "idempotency", "events", "letters"},
    {"roles"},
    {"iam"},
    {"jobs"},
    {"quotas"},
    {"projects"},
    {"keys"},
    {"accounts"},
    {"files"},
    {"uploads"},
    {"variants", "shares", "edge"},
    {"maintenance"},
)
CAPABILITIES = frozenset().union(*ORDER)

PLAIN = frozenset({"errors", "clock", "config", "caller", "page", "shape", "observe", "ids"})
STORES_OF_AWS = frozenset({"storage", "queue", "secrets", "mail", "push"})
ROUTING = frozenset(
    {
        "aws_lambda_powertools.event_handler",
        "aws_lambda_powertools.shared.cookies",
        "aws_lambda_powertools.utilities.data_classes",
    }
)


@dataclass(frozen=True)
class Row:
    """What the modules of a room may import. Python's own library is open to all, see `belongings` for the exceptions."""

    base: frozenset[str] = frozenset()  # base modules, each one file or package of `holdall`
    table: frozenset[str] = frozenset()  # what may be taken from `holdall.table`; "*" is all that it shows
    own: frozenset[str] = frozenset()  # files of the same capability; "*" is any
    below: frozenset[str] = frozenset()  # files of lower capabilities; of any, where the room is in none
    packages: frozenset[str] = frozenset()  # of others, or what may be taken from them
    only: frozenset[str] = frozenset()  # capabilities, where `below` does not mean all of them


_AWS_CLIENT = Row(
    base=frozenset({"aws", "config", "errors", "clock", "ids"}), packages=frozenset({"boto3", "botocore"})
)

# A base module knows those that are plainer than itself, and nothing of the house's meaning.
BASE = {
    "errors": Row(),
    "clock": Row(),
    "config": Row(),
    "caller": Row(),
    "page": Row(),
    "shape": Row(packages=frozenset({"pydantic"})),
    "observe": Row(packages=frozenset({f"aws_lambda_powertools.{each}" for each in ("Logger", "Metrics", "metrics")})),
    "ids": Row(base=frozenset({"clock", "errors"}), packages=frozenset({"ulid"})),
    "aws": Row(base=frozenset({"errors", "config"}), packages=frozenset({"boto3", "botocore"})),
    "table": Row(
        base=frozenset({"errors", "clock", "config", "page", "ids"}), packages=frozenset({"pynamodb", "botocore"})
    ),
    **dict.fromkeys(STORES_OF_AWS, _AWS_CLIENT),
    "worker": Row(
        base=frozenset({"observe", "queue", "errors"}),
        packages=frozenset({"aws_lambda_powertools.utilities"}),
    ),
    "http": Row(
        base=PLAIN,
        table=frozenset({"Reading"}),
        below=frozenset({"service", "model"}),
        only=frozenset({"roles", "iam", "projects", "keys", "limits", "idempotency"}),
        packages=ROUTING | {"pydantic"},
    ),
}

_SERVICE = Row(
    base=PLAIN | STORES_OF_AWS,
    # Awaited is the type of what a Reading promises, so whoever hands a reading on has to name it.
    table=frozenset({"Transaction", "Reading", "Awaited"}),
    own=frozenset({"*"}),
    below=frozenset({"service", "model", "tokens", "sync", "work"}),
)
KINDS = {
    "model": Row(
        base=frozenset({"errors", "ids", "clock", "shape"}),
        own=frozenset({"weak"}),  # a rule of accounts that takes a list of its own
        below=frozenset({"model", "tokens"}),
        packages=frozenset({"pydantic"}),
    ),
    "store": Row(
        base=frozenset({"page", "ids", "clock", "errors"}),
        table=frozenset({"*"}),
        own=frozenset({"model", "store"}),
        below=frozenset({"tokens"}),  # the words for kinds of token, which keys are made of
        packages=frozenset({"pynamodb.attributes", "pynamodb.expressions"}),
    ),
    "service": _SERVICE,
}
# Files of a capability beside its three, each with a row of its own.
FURTHER = {
    "roles.permissions": Row(),
    "iam.tokens": Row(base=frozenset({"ids"}), own=frozenset({"model"})),
    "iam.signing_keys": Row(
        base=frozenset({"clock", "ids", "secrets"}),
        own=frozenset({"store", "model"}),
        packages=frozenset({"cryptography"}),
    ),
    "iam.access_token": Row(
        base=frozenset({"clock", "config", "ids"}),
        own=frozenset({"signing_keys", "model"}),
        packages=frozenset({"jwt", "cryptography"}),
    ),
    "iam.rotation": _SERVICE,
    "iam.refresh_token": Row(own=frozenset({"model"}), packages=frozenset({"cryptography"})),
    "accounts.weak": Row(),
    "accounts.challenges": Row(
        base=frozenset({"clock", "ids"}),
        table=frozenset({"Transaction"}),
        own=frozenset({"store", "model"}),
        below=frozenset({"model", "tokens"}),
        only=frozenset({"iam"}),
    ),
    "accounts.recovery": Row(base=frozenset({"ids"})),
    "accounts.sealing": Row(base=frozenset({"ids", "secrets"}), packages=frozenset({"cryptography"})),
    "accounts.totp": Row(base=frozenset({"ids"}), packages=frozenset({"pyotp", "segno"})),
    "accounts.oauth": Row(own=frozenset({"oauth_github", "oauth_oidc", "oauth_code", "oauth_http", "oauth_model"})),
    "accounts.oauth_model": Row(base=frozenset({"errors", "observe"})),
    "accounts.oauth_http": Row(own=frozenset({"oauth_model"}), packages=frozenset({"urllib3"})),
    "accounts.oauth_code": Row(base=frozenset({"ids"}), own=frozenset({"oauth_http", "oauth_model"})),
    "accounts.oauth_id_token": Row(
        base=frozenset({"clock", "ids"}), own=frozenset({"oauth_http", "oauth_model"}), packages=frozenset({"jwt"})
    ),
    "accounts.oauth_oidc": Row(
        base=frozenset({"ids"}), own=frozenset({"oauth_code", "oauth_id_token", "oauth_http", "oauth_model"})
    ),
    "accounts.oauth_github": Row(own=frozenset({"oauth_code", "oauth_http", "oauth_model"})),
    "accounts.passwords": Row(base=frozenset({"config"}), packages=frozenset({"argon2"})),
    "shares.passwords": Row(base=frozenset({"config"}), packages=frozenset({"argon2"})),
    "files.work": _SERVICE,
    "maintenance.health": _SERVICE,
    "maintenance.export": _SERVICE,
    "maintenance.recount": _SERVICE,
    "maintenance.correction": _SERVICE,
    "maintenance.projects": _SERVICE,
    "variants.rows": _SERVICE,
    "variants.sync": _SERVICE,
}
_FUNCTION = Row(
    base=frozenset({"http", "worker", "caller", "observe", "errors", "page", "shape"}),
    below=frozenset({"service", "model", "health", "sync"}),
    packages=ROUTING,
)
FUNCTIONS = {"imageproc": Row(base=_FUNCTION.base, below=_FUNCTION.below, packages=_FUNCTION.packages | {"PIL"})}
# At the desk anything may be used, but never what runs in Lambda; `infra.build` alone names handlers, for the document.
NEVER_AT_THE_DESK = frozenset({"functions", "holdall", "tests", "bench", "pynamodb", "argon2", "PIL"})
BUILDERS_MAY = frozenset({"functions", "holdall.config", "holdall.http"})

# What has one home in `holdall` and `functions`, although Python's library is open to all.
BELONGINGS = {
    "os.environ": "holdall.config",
    "os.getenv": "holdall.config",
    "datetime.datetime.now": "holdall.clock",
    "datetime.datetime.today": "holdall.clock",
    "datetime.datetime.utcnow": "holdall.clock",
    "datetime.date.today": "holdall.clock",
    "time.time": "holdall.clock",
    "time.time_ns": "holdall.clock",
    "time.gmtime": "holdall.clock",
    "time.localtime": "holdall.clock",
    "time.sleep": "holdall.clock",
    "random": "holdall.ids",
    "secrets": "holdall.ids",
    "uuid": "holdall.ids",
    "os.urandom": "holdall.ids",
}


def violations(module: Module) -> list[str]:
    """Every arrow of a module that the table does not allow."""
    found = [
        f"{module.place(each.line)}: {module.name} may not import {'.'.join(filter(None, (each.module, each.name)))}"
        for each in module.imports
        if each.module.split(".")[0] not in sys.stdlib_module_names and not _allowed(module.name, each)
    ]
    return [*found, *_strays(module)]


def _allowed(source: str, arrow: Import) -> bool:
    room = source.split(".")
    if room[0] == "infra":
        builder = source.startswith("infra.build")
        named = any(_within(arrow.module, each) for each in BUILDERS_MAY)
        return arrow.module.split(".")[0] not in NEVER_AT_THE_DESK or (builder and named)
    if room[0] == "functions":
        if arrow.module == "functions" or _within(arrow.module, "functions"):
            return len(room) > 1 and _within(arrow.module, f"functions.{room[1]}")
        return len(room) > 1 and _fits(FUNCTIONS.get(room[1], _FUNCTION), None, arrow)
    if len(room) == 1 or source in {f"holdall.{capability}" for capability in CAPABILITIES}:
        return False  # a package's front shows nothing: who wants a service says so
    if room[1] in CAPABILITIES:
        row = KINDS.get(room[2]) or FURTHER.get(f"{room[1]}.{room[2]}")
        return row is not None and _fits(row, room[1], arrow)
    own_room = room[1] in ("table", "http") and _within(arrow.module, f"holdall.{room[1]}")
    return own_room or (room[1] in BASE and _fits(BASE[room[1]], None, arrow))


def _fits(row: Row, capability: str | None, arrow: Import) -> bool:
    target = arrow.module.split(".")
    if target[2:3] in (["service"], ["store"]):
        target = target[:3]  # one that is a package counts as one, whichever of its files is meant
    if target[0] != "holdall":
        return any(_within(f"{arrow.module}.{arrow.name}", package) for package in row.packages)
    if arrow.module == "holdall.table":
        return not row.table.isdisjoint({"*", arrow.name})
    if len(target) == 2:
        return target[1] in row.base
    if len(target) != 3 or target[1] not in CAPABILITIES:
        return False
    if target[1] == capability:
        return not row.own.isdisjoint({"*", target[2]})
    lower = row.only or (CAPABILITIES if capability is None else _below(capability))
    return target[1] in lower and target[2] in row.below


def _below(capability: str) -> frozenset[str]:
    rank = next(number for number, rooms in enumerate(ORDER) if capability in rooms)
    return frozenset().union(*ORDER[:rank])


def _strays(module: Module) -> Iterator[str]:
    if module.name.split(".")[0] == "infra":
        return
    used = [*module.uses, *((each.module, each.line) for each in module.imports)]
    for name, line in sorted(set(used), key=lambda use: use[1]):
        for thing, home in BELONGINGS.items():
            if _within(name, thing) and module.name != home:
                yield f"{module.place(line)}: {name} belongs in {home}"


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")
