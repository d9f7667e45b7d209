"""The records of the tables, and their keys (design, section 6)."""

import ast
import importlib
import re
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest

from holdall.accounts import store
from holdall.accounts.model import LinkedIdentity
from holdall.edge import store as sync_results
from holdall.edge.model import BatchResult
from holdall.emails import store as outbox
from holdall.emails.model import Discard, Email
from holdall.maintenance import store as marks
from holdall.platform import clock
from holdall.platform.errors import NotFound
from holdall.platform.table import AuditRecord, CredentialRecord, EphemeralRecord, Item, Record, Transaction
from infra.catalog import FUNCTIONS
from tests.support import projects, users
from tests.support.admins import AdminFactory
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.companion import Uppy
from tests.support.factories import make_upload_request
from tests.support.scenario import Scenario
from tests.support.shares import create_link
from tests.support.source_tree import iter_functions, load_modules

# Table -> discriminator -> pk and sk, with placeholders.
RECORDS: dict[str, dict[str | None, tuple[str, str]]] = {
    "main": {
        "user": ("USER#{id}", "USER"),
        "unique": ("UNIQUE#{kind}#{value}", "UNIQUE"),
        "session": ("SESSION#{id}", "SESSION"),
        "role": ("ROLE#{role}", "ROLE"),
        "permission": ("PERMISSION#{permission}", "PERMISSION"),
        "last-use": ("SEEN#({id}|{project}-{id}-{id})", "SEEN"),
        "epoch": ("ROLES_EPOCH#{number}", "EPOCH"),
        "public-key": ("JWKS", "{kid}"),
        "project": ("PROJECT#{project}", "PROJECT"),
        "quota": ("QUOTA#{project}", "QUOTA"),
        "open-uploads": ("QUOTA#OPEN#{id}", "OPEN"),
        "installation-quota": ("INSTALLATION#QUOTA#{number}", "QUOTA"),
        "usage": ("USAGE#{project}#{number}", "USAGE"),
        "member": ("PROJECT#{project}", "MEMBER#{id}"),
        "invitation": ("PROJECT#{project}", "INVITATION#{id}"),
        "api-key": ("KEY#{project}-{id}-{id}", "KEY"),
        "upload": ("UPLOAD#{project}-{id}", "UPLOAD"),
        "companion-token": ("COMPANION#{digest}", "COMPANION"),
        "file": ("FILE#{project}-{id}", "FILE"),
        "version": ("FILE#{project}-{id}", "(VERSION|DELETED)#{eight}"),
        "restored-version": ("VERSION#{project}-{id}", "VERSION"),
        "share": ("SHARES#{project}-{id}", "SHARE#{id}"),
        "share-count": ("SHARES#{project}-{id}", "COUNT"),
        "share-token": ("SHARE_TOKEN#{digest}", "TOKEN"),
        "share-use": ("SHARE_USES#{project}-{id}", "{id}"),
        "job": ("JOB#{project}-{id}", "JOB"),
        "event": ("EVENTS#{project}", "{id}"),
        "recount-result": ("TASK#recount#{id}#{project}", "RESULT"),
        "sync-result": ("TASK#sync-edge#{id}#{eight}", "RESULT"),
        "recount-report": ("TASK#recount", "REPORT"),
        "task-run": ("TASK#{task}", "RUN#(schedule|request)"),
    },
    "credentials": {
        "password": ("USER#{id}", "PASSWORD"),
        "challenge": ("CHALLENGE#{kindoftoken}#{lookupid}", "CHALLENGE"),
        "totp": ("USER#{id}", "TOTP"),
        "recovery-code": ("USER#{id}", "RECOVERY#{digest}"),
        "identity": ("USER#{id}", "IDENTITY#{provider}"),
        "email-outbox": ("OUTBOX#{number}", "{id}"),
    },
    "audit": {None: ("DAY#{date}#{number}", "{id}")},  # one kind of record, without a discriminator
    "ephemeral": {
        "idempotency": ("IDEMPOTENCY#{digest}", "IDEMPOTENCY"),
        "orphan": ("ORPHAN#{key}", "{versionid}"),
        "rate-limit": ("RATE_LIMIT#{limit}#{subject}#{window}", "RATE_LIMIT"),
    },
}
_PLACEHOLDERS = {
    "id": "[0-9a-hjkmnp-tv-z]{26}",
    "project": "[0-9a-hjkmnp-tv-z]{12}",
    "number": "[0-9]{1,2}",
    "eight": "[0-9]{8}",
    "task": "[a-z]+(-[a-z]+)*",
    "kind": "[A-Z]+",
    "value": ".+",
    "role": "[a-z][a-z0-9-]{0,31}",
    "permission": r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+",
    "kid": "[0-9a-f]{16}",
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "digest": "[0-9a-f]{64}",
    "kindoftoken": "h[vpeimo]",
    "lookupid": "[0-9a-hjkmnp-tv-z]{26}",
    "provider": "[a-z0-9][a-z0-9-]{0,31}",
    "limit": "[a-z-]+",
    "subject": "[0-9a-z.:/-]+",
    "window": "[0-9]+",
    "key": ".+",
    "versionid": ".+",
}
# Discriminator -> partition key in the index.
GSI1_KEYS = {
    "user": "USERS",
    "project": "PROJECTS#{number}",
    "role": "ROLES",
    "permission": "PERMISSIONS",
    "session": "USER#{id}#SESSIONS#{number}",
    "member": "USER#{id}#PROJECTS",
    "invitation": "INVITATIONS#unsent",
    "api-key": "PROJECT#{project}#KEYS",
    "upload": "UPLOADS#open#{number}",
    "file": "PROJECT#{project}#(FILES|TRASH)",
    "version": "PROJECT#{project}#VERSIONS",
    "job": "PROJECT#{project}#JOBS",
}
GSI2_KEYS = {
    "project": "PROJECTS#deleted",
    "upload": "PROJECT#{project}#UPLOADS#(open|ended)",
    "file": "PROJECT#{project}#NAMES",
    "version": "EDGE#(to-sync|copied)#{number}",
    "job": "PROJECT#{project}#JOBS#(pending|processing|completed|failed)",
}
GSI3_KEYS = {"file": "PROJECT#{project}#KIND#(image|file)", "job": "JOBS#open#{number}"}
INDEXES = (("gsi1pk", "gsi1sk", GSI1_KEYS), ("gsi2pk", "gsi2sk", GSI2_KEYS), ("gsi3pk", "gsi3sk", GSI3_KEYS))
# Of the audit table.
AUDIT_INDEX_KEYS = {"gsi_action_pk": r"[a-z_.]+#{number}", "gsi_time_pk": "AUDIT#{number}"}


def test_table_has_every_kind_of_record() -> None:
    for module in load_modules("holdall"):
        if module.name.endswith(".store"):
            importlib.import_module(module.name)
    bases: dict[str, type[Item]] = {
        "main": Record,
        "credentials": CredentialRecord,
        "audit": AuditRecord,
        "ephemeral": EphemeralRecord,
    }
    found = {
        table: {
            getattr(kind, "record_type", None) and _discriminator(kind)
            for kind in base.__subclasses__()
            if kind.__module__.startswith("holdall.")  # other tests define kinds too
        }
        for table, base in bases.items()
    }

    assert found == {table: set(kinds) for table, kinds in RECORDS.items()}


def test_partition_keys_of_every_kind_have_one_pattern_in_the_grants() -> None:
    patterns = {pattern for function in FUNCTIONS for grant in function.grants for pattern in grant.keys}
    found = {
        (table, kind): [pattern for pattern in patterns if fnmatchcase(partition, pattern)]
        for table, kinds in RECORDS.items()
        for kind, (partition, _) in kinds.items()
    }

    assert {kind for (table, kind), matching in found.items() if table == "main" and len(matching) != 1} == set()
    # The clock of a laptop is no record.
    assert {pattern for matching in found.values() for pattern in matching} | {"CLOCK"} == patterns


@pytest.mark.parametrize("table", RECORDS)
def test_records_have_the_keys_of_their_kind(table: str, populated_tables: None) -> None:
    rows = _scan(table)

    for row in rows:
        kind = row.get("record_type")
        partition, sort = RECORDS[table][kind]
        assert _matches(partition, row["pk"]), row
        assert _matches(sort, row["sk"]), row
        for partition_key, sort_key, patterns in INDEXES:
            assert partition_key not in row or _matches(patterns[str(kind)], row[partition_key]), row
            assert (partition_key in row) == (sort_key in row), row
        if table == "audit":
            assert all(_matches(pattern, row[name]) for name, pattern in AUDIT_INDEX_KEYS.items()), row
    assert {row.get("record_type") for row in rows} >= set(RECORDS[table])


def test_no_secret_is_in_a_table(scenario: Scenario, populated_tables: None) -> None:
    text = str([_scan(table) for table in RECORDS])

    assert scenario.password not in text
    assert scenario.client.refresh_token.rpartition("_")[2] not in text
    assert str(scenario.client.access_token) not in text


@pytest.fixture
def populated_tables(scenario: Scenario, fake_aws: FakeAws) -> None:
    """Fill the tables with records of every kind."""
    scenario.create_rendered_image()
    fake_aws.run_task("recount")
    fake_aws.run_workers()
    staff = AdminFactory(users.create_superuser())
    staff.create_user(staff.create_role(staff.create_permission()))
    staff.superuser.delete(f"/roles/{staff.create_role()}")  # begins an epoch
    code = scenario.set_up_totp()
    scenario.client.post("/auth/2fa/enable", {"code": code}).data()
    Client().post("/auth/forgot-password", {"email": scenario.email}).data()
    with Transaction() as tx:
        outbox.add(tx, Email("0" * 26, scenario.email, Discard()))  # `enqueue` would dispatch it after the commit
        google = LinkedIdentity("google", "issuer", "subject", scenario.email, clock.now())
        marks.put_mark(tx, f"x-{scenario.project_id}/files/a.txt", "1", "0" * 26)  # the sweep marks what is a day old
        store.add_identity(tx, scenario.client.user["id"], google, error=NotFound)
        sync_results.put_result(tx, "0" * 26, 1, BatchResult())
    scenario.client.request("DELETE", f"/files/{scenario.create_document()}").data()
    document = scenario.create_versions()
    scenario.client.post(f"/files/{document}/versions/1/restore").created()
    scenario.client.delete(f"/files/{document}/versions/2").data()
    projects.create_api_key_client(scenario.client, scenario.project_id).get("/files").data()
    away = scenario.client.post("/projects", {"name": "Away"}).created()["id"]
    scenario.client.delete(f"/projects/{away}").data()
    scenario.client.post(f"/projects/{scenario.project_id}/sync-variants").data()
    create_link(scenario.client, scenario.create_document()).download().data()
    projects.create_invitation(scenario.client, scenario.project_id, users.unique_email())
    scenario.client.post("/files/init-upload", make_upload_request(b"x", projectId=scenario.project_id)).created()
    Uppy.create(scenario.client)
    scenario.client.request(
        "POST", "/projects", {"name": "Once"}, headers={"idempotency-key": scenario.email}
    ).created()


def _discriminator(kind: Any) -> Any:
    return kind.record_type.get_discriminator(kind)


def _scan(table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table):
        found += [{name: next(iter(value.values())) for name, value in item.items()} for item in page["Items"]]
    return found


def _matches(pattern: str, key: str) -> bool:
    parts = re.split(r"(\{[a-z]+\})", pattern)
    return (
        re.fullmatch("".join(_PLACEHOLDERS[part[1:-1]] if part.startswith("{") else part for part in parts), key)
        is not None
    )


# These change a record that must exist, whatever is in it. Any other update names what must not have changed since it was read.
_UNCONDITIONAL_UPDATES = {
    "holdall.api_keys.store.set_enabled",  # a switch
    "holdall.quotas.store.freeze",  # a switch, beside the update of the project
    "holdall.quotas.store.unfreeze",
    "holdall.files.store.update_version",  # beside the update of its file, by its revision
    "holdall.uploads.store.remove_from_lists",  # of an upload that ended, which never changes again
    "holdall.uploads.store.set_ttl",
    # Counters, beside the change that they count.
    "holdall.quotas.store.close_upload",
    "holdall.quotas.store.release",
    "holdall.quotas.store.remove_api_key",
    "holdall.shares.store.delete",
    "holdall.rate_limits.store.refund",
    "holdall.roles.store.increment_holders",
    "holdall.roles.store.increment_roles",
}


def test_update_without_a_condition_is_listed() -> None:
    found = {
        f"{module.name}.{function.name}"
        for module in load_modules("holdall")
        for function in iter_functions(module.tree)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "tx.update"
        if "condition" not in {keyword.arg for keyword in call.keywords}
    }

    assert found == _UNCONDITIONAL_UPDATES
