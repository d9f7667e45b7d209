"""Who may import whom: section 3 of the design as data, and the check of one module against it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.source_tree import Import, Module

# Each may call those of earlier lines.
LAYERS = (
    {"audit", "rate_limits", "idempotency", "events", "emails"},
    {"roles"},
    {"iam"},
    {"jobs"},
    {"quotas"},
    {"projects"},
    {"api_keys"},
    {"accounts"},
    {"files"},
    {"uploads"},
    {"variants", "shares", "edge"},
    {"maintenance"},
)
CAPABILITIES = frozenset().union(*LAYERS)

PURE_MODULES = frozenset({"errors", "clock", "config", "caller", "pagination", "schemas", "observability", "ids"})
AWS_MODULES = frozenset({"storage", "messaging", "parameters", "email", "push"})
ROUTING_PACKAGES = frozenset(
    {
        "aws_lambda_powertools.event_handler",
        "aws_lambda_powertools.shared.cookies",
        "aws_lambda_powertools.utilities.data_classes",
    }
)


@dataclass(frozen=True)
class ImportRule:
    """What the modules of a room may import. Python's own library is open to all, see `belongings` for the exceptions."""

    platform_modules: frozenset[str] = frozenset()  # base modules, each one file or package of `holdall`
    table_names: frozenset[str] = (
        frozenset()
    )  # what may be taken from `holdall.platform.table`; "*" is all that it shows
    own_modules: frozenset[str] = frozenset()  # files of the same capability; "*" is any
    lower_modules: frozenset[str] = frozenset()  # files of lower capabilities; of any, where the room is in none
    packages: frozenset[str] = frozenset()  # of others, or what may be taken from them
    lower_capabilities: frozenset[str] = frozenset()  # capabilities, where `below` does not mean all of them


_AWS_CLIENT_RULE = ImportRule(
    platform_modules=frozenset({"aws", "config", "errors", "clock", "ids"}), packages=frozenset({"boto3", "botocore"})
)

# A base module knows those that are plainer than itself, and nothing of the house's meaning.
PLATFORM_RULES = {
    "errors": ImportRule(),
    "clock": ImportRule(),
    "config": ImportRule(),
    "caller": ImportRule(),
    "pagination": ImportRule(),
    "schemas": ImportRule(packages=frozenset({"pydantic"})),
    "observability": ImportRule(
        packages=frozenset({f"aws_lambda_powertools.{each}" for each in ("Logger", "Metrics", "metrics")})
    ),
    "ids": ImportRule(platform_modules=frozenset({"clock", "errors"}), packages=frozenset({"ulid"})),
    "aws": ImportRule(platform_modules=frozenset({"errors", "config"}), packages=frozenset({"boto3", "botocore"})),
    "table": ImportRule(
        platform_modules=frozenset({"errors", "clock", "config", "pagination", "ids"}),
        packages=frozenset({"pynamodb", "botocore"}),
    ),
    **dict.fromkeys(AWS_MODULES, _AWS_CLIENT_RULE),
    "worker": ImportRule(
        platform_modules=frozenset({"observability", "messaging", "errors"}),
        packages=frozenset({"aws_lambda_powertools.utilities"}),
    ),
    "http": ImportRule(
        platform_modules=PURE_MODULES,
        table_names=frozenset({"BatchGet"}),
        lower_modules=frozenset({"service", "model"}),
        lower_capabilities=frozenset({"roles", "iam", "projects", "api_keys", "rate_limits", "idempotency"}),
        packages=ROUTING_PACKAGES | {"pydantic"},
    ),
}

_SERVICE_RULE = ImportRule(
    platform_modules=PURE_MODULES | AWS_MODULES,
    # Awaited is the type of what a Reading promises, so whoever hands a reading on has to name it.
    table_names=frozenset({"Transaction", "BatchGet", "Pending"}),
    own_modules=frozenset({"*"}),
    lower_modules=frozenset({"service", "model", "tokens", "sync", "jobs"}),
)
RULES_BY_KIND = {
    "model": ImportRule(
        platform_modules=frozenset({"errors", "ids", "clock", "schemas"}),
        own_modules=frozenset({"password_strength"}),  # a rule of accounts that takes a list of its own
        lower_modules=frozenset({"model", "tokens"}),
        packages=frozenset({"pydantic"}),
    ),
    "store": ImportRule(
        platform_modules=frozenset({"pagination", "ids", "clock", "errors"}),
        table_names=frozenset({"*"}),
        own_modules=frozenset({"model", "store"}),
        lower_modules=frozenset({"tokens"}),  # the words for kinds of token, which keys are made of
        packages=frozenset({"pynamodb.attributes", "pynamodb.expressions"}),
    ),
    "service": _SERVICE_RULE,
}
# Files of a capability beside its three, each with a row of its own.
RULES_BY_MODULE = {
    "roles.permissions": ImportRule(),
    "iam.tokens": ImportRule(platform_modules=frozenset({"ids"}), own_modules=frozenset({"model"})),
    "iam.signing_keys": ImportRule(
        platform_modules=frozenset({"clock", "ids", "parameters"}),
        own_modules=frozenset({"store", "model"}),
        packages=frozenset({"cryptography"}),
    ),
    "iam.access_token": ImportRule(
        platform_modules=frozenset({"clock", "config", "ids"}),
        own_modules=frozenset({"signing_keys", "model"}),
        packages=frozenset({"jwt", "cryptography"}),
    ),
    "iam.rotation": _SERVICE_RULE,
    "iam.refresh_token": ImportRule(own_modules=frozenset({"model"}), packages=frozenset({"cryptography"})),
    "accounts.password_strength": ImportRule(),
    "accounts.challenges": ImportRule(
        platform_modules=frozenset({"clock", "ids"}),
        table_names=frozenset({"Transaction"}),
        own_modules=frozenset({"store", "model"}),
        lower_modules=frozenset({"model", "tokens"}),
        lower_capabilities=frozenset({"iam"}),
    ),
    "accounts.recovery": ImportRule(platform_modules=frozenset({"ids"})),
    "accounts.encryption": ImportRule(
        platform_modules=frozenset({"ids", "parameters"}), packages=frozenset({"cryptography"})
    ),
    "accounts.totp": ImportRule(platform_modules=frozenset({"ids"}), packages=frozenset({"pyotp", "segno"})),
    "accounts.oauth": ImportRule(
        own_modules=frozenset({"oauth_github", "oauth_oidc", "oauth_code", "oauth_http", "oauth_model"})
    ),
    "accounts.oauth_model": ImportRule(platform_modules=frozenset({"errors", "observability"})),
    "accounts.oauth_http": ImportRule(own_modules=frozenset({"oauth_model"}), packages=frozenset({"urllib3"})),
    "accounts.oauth_code": ImportRule(
        platform_modules=frozenset({"ids"}), own_modules=frozenset({"oauth_http", "oauth_model"})
    ),
    "accounts.oauth_id_token": ImportRule(
        platform_modules=frozenset({"clock", "ids"}),
        own_modules=frozenset({"oauth_http", "oauth_model"}),
        packages=frozenset({"jwt"}),
    ),
    "accounts.oauth_oidc": ImportRule(
        platform_modules=frozenset({"ids"}),
        own_modules=frozenset({"oauth_code", "oauth_id_token", "oauth_http", "oauth_model"}),
    ),
    "accounts.oauth_github": ImportRule(own_modules=frozenset({"oauth_code", "oauth_http", "oauth_model"})),
    "accounts.passwords": ImportRule(platform_modules=frozenset({"config"}), packages=frozenset({"argon2"})),
    "shares.passwords": ImportRule(platform_modules=frozenset({"config"}), packages=frozenset({"argon2"})),
    "files.jobs": _SERVICE_RULE,
    "maintenance.health": _SERVICE_RULE,
    "maintenance.export": _SERVICE_RULE,
    "maintenance.recount": _SERVICE_RULE,
    "maintenance.recount_repair": _SERVICE_RULE,
    "maintenance.project_jobs": _SERVICE_RULE,
    "variants.reconcile": _SERVICE_RULE,
    "variants.sync": _SERVICE_RULE,
}
_FUNCTION_RULE = ImportRule(
    platform_modules=frozenset({"http", "worker", "caller", "observability", "errors", "pagination", "schemas"}),
    lower_modules=frozenset({"service", "model", "health", "sync"}),
    packages=ROUTING_PACKAGES,
)
FUNCTION_RULES = {
    "imageproc": ImportRule(
        platform_modules=_FUNCTION_RULE.platform_modules,
        lower_modules=_FUNCTION_RULE.lower_modules,
        packages=_FUNCTION_RULE.packages | {"PIL"},
    )
}
# At the desk anything may be used, but never what runs in Lambda; `infra.build` alone names handlers, for the document.
FORBIDDEN_IN_INFRA = frozenset({"functions", "holdall", "tests", "bench", "pynamodb", "argon2", "PIL"})
ALLOWED_IN_INFRA_BUILD = frozenset({"functions", "holdall.platform.config", "holdall.http"})

# What has one home in `holdall` and `functions`, although Python's library is open to all.
OWNING_MODULES = {
    "os.environ": "holdall.platform.config",
    "os.getenv": "holdall.platform.config",
    "datetime.datetime.now": "holdall.platform.clock",
    "datetime.datetime.today": "holdall.platform.clock",
    "datetime.datetime.utcnow": "holdall.platform.clock",
    "datetime.date.today": "holdall.platform.clock",
    "time.time": "holdall.platform.clock",
    "time.time_ns": "holdall.platform.clock",
    "time.gmtime": "holdall.platform.clock",
    "time.localtime": "holdall.platform.clock",
    "time.sleep": "holdall.platform.clock",
    "random": "holdall.platform.ids",
    "secrets": "holdall.platform.ids",
    "uuid": "holdall.platform.ids",
    "os.urandom": "holdall.platform.ids",
}


def find_violations(module: Module) -> list[str]:
    """Every arrow of a module that the table does not allow."""
    found = [
        f"{module.location(each.line)}: {module.name} may not import {'.'.join(filter(None, (each.module, each.name)))}"
        for each in module.imports
        if each.module.split(".")[0] not in sys.stdlib_module_names and not _is_allowed(module.name, each)
    ]
    return [*found, *_misplaced_uses(module)]


def _is_allowed(source: str, imported: Import) -> bool:
    room = source.split(".")
    if room[0] == "infra":
        builder = source.startswith("infra.build")
        named = any(_is_within(imported.module, each) for each in ALLOWED_IN_INFRA_BUILD)
        return imported.module.split(".")[0] not in FORBIDDEN_IN_INFRA or (builder and named)
    if room[0] == "functions":
        if imported.module == "functions" or _is_within(imported.module, "functions"):
            return len(room) > 1 and _is_within(imported.module, f"functions.{room[1]}")
        return len(room) > 1 and _satisfies(FUNCTION_RULES.get(room[1], _FUNCTION_RULE), None, imported)
    if len(room) == 1 or source in {f"holdall.{capability}" for capability in CAPABILITIES}:
        return False  # a package's front shows nothing: who wants a service says so
    if room[1] in CAPABILITIES:
        row = RULES_BY_KIND.get(room[2]) or RULES_BY_MODULE.get(f"{room[1]}.{room[2]}")
        return row is not None and _satisfies(row, room[1], imported)
    own_room = room[1] in ("table", "http") and _is_within(imported.module, f"holdall.{room[1]}")
    return own_room or (room[1] in PLATFORM_RULES and _satisfies(PLATFORM_RULES[room[1]], None, imported))


def _satisfies(rule: ImportRule, capability: str | None, imported: Import) -> bool:
    target = imported.module.split(".")
    if target[2:3] in (["service"], ["store"]):
        target = target[:3]  # one that is a package counts as one, whichever of its files is meant
    if target[0] != "holdall":
        return any(_is_within(f"{imported.module}.{imported.name}", package) for package in rule.packages)
    if imported.module == "holdall.platform.table":
        return not rule.table_names.isdisjoint({"*", imported.name})
    if len(target) == 2:
        return target[1] in rule.platform_modules
    if len(target) != 3 or target[1] not in CAPABILITIES:
        return False
    if target[1] == capability:
        return not rule.own_modules.isdisjoint({"*", target[2]})
    lower = rule.lower_capabilities or (CAPABILITIES if capability is None else _lower_capabilities(capability))
    return target[1] in lower and target[2] in rule.lower_modules


def _lower_capabilities(capability: str) -> frozenset[str]:
    rank = next(number for number, rooms in enumerate(LAYERS) if capability in rooms)
    return frozenset().union(*LAYERS[:rank])


def _misplaced_uses(module: Module) -> Iterator[str]:
    if module.name.split(".")[0] == "infra":
        return
    used = [*module.used_names, *((each.module, each.line) for each in module.imports)]
    for name, line in sorted(set(used), key=lambda use: use[1]):
        for thing, home in OWNING_MODULES.items():
            if _is_within(name, thing) and module.name != home:
                yield f"{module.location(line)}: {name} belongs in {home}"


def _is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")
