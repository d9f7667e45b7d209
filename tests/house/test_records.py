"""The records: what lies in the tables is what this table says, and nothing else."""

import importlib
import re
from typing import Any

import boto3
import pytest

from holdall import clock
from holdall.accounts import store
from holdall.accounts.model import Linked
from holdall.errors import NotFound
from holdall.letters import service as letters
from holdall.letters.model import Kind
from holdall.table import AuditRecord, CredentialRecord, EphemeralRecord, Item, Record, Transaction
from tests.api import members, people
from tests.api.client import Client
from tests.api.cloud import Cloud, announce
from tests.api.staff import Staff
from tests.house.scene import Scene
from tests.house.tree import modules

# Section 6 of the design: table, kind of record -> partition key, sort key. What stands in braces varies.
RECORDS: dict[str, dict[str | None, tuple[str, str]]] = {
    "main": {
        "user": ("USER#{id}", "USER"),
        "unique": ("UNIQUE#{kind}#{value}", "UNIQUE"),
        "session": ("SESSION#{id}", "SESSION"),
        "role": ("ROLE#{role}", "ROLE"),
        "permission": ("PERMISSION#{permission}", "PERMISSION"),
        "epoch": ("IAM#EPOCH#{number}", "EPOCH"),
        "public-key": ("JWKS", "{kid}"),
        "project": ("PROJECT#{project}", "PROJECT"),
        "quota": ("PROJECT#{project}", "QUOTA"),
        "installation-quota": ("INSTALLATION#QUOTA#{number}", "QUOTA"),
        "usage": ("PROJECT#{project}", "USAGE#{number}"),
        "member": ("PROJECT#{project}", "MEMBER#{id}"),
        "invitation": ("PROJECT#{project}", "INVITATION#{id}"),
        "key": ("KEY#{project}-{id}-{id}", "KEY"),
        "upload": ("UPLOAD#{project}-{id}", "UPLOAD"),
        "file": ("FILE#{project}-{id}", "FILE"),
        "version": ("FILE#{project}-{id}", "VERSION#{eight}"),
        "job": ("JOB#{project}-{id}", "JOB"),
        "event": ("EVENTS#{project}", "{id}"),
        "recount": ("TASK#recount", "CHECKPOINT"),
        "recount-report": ("TASK#recount", "REPORT"),
        "recount-part": ("TASK#recount#{number}", "{id}#[1-3]#(before|sums|moved)#{six}"),
    },
    "credentials": {
        "password": ("USER#{id}", "PASSWORD"),
        "challenge": ("CHALLENGE#{purpose}#{place}", "CHALLENGE"),
        "factor": ("USER#{id}", "TOTP"),
        "recovery": ("USER#{id}", "RECOVERY#{digest}"),
        "identity": ("USER#{id}", "IDENTITY#{provider}"),
        "letter": ("LETTERS#{number}", "{id}"),
    },
    "audit": {None: ("DAY#{date}#{number}", "{id}")},  # one kind of row, so it needs no name
    "ephemeral": {"once": ("ONCE#{digest}", "ONCE"), "counter": ("LIMIT#{limit}#{subject}#{window}", "COUNTER")},
}
_VARIES = {
    "id": "[0-9a-hjkmnp-tv-z]{26}",
    "project": "[0-9a-hjkmnp-tv-z]{12}",
    "number": "[0-9]{1,2}",
    "six": "[0-9]{6}",
    "eight": "[0-9]{8}",
    "kind": "[a-z]+",
    "value": ".+",
    "role": "[a-z][a-z0-9-]{0,31}",
    "permission": r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+",
    "kid": "[0-9a-f]{16}",
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "digest": "[0-9a-f]{64}",
    "purpose": "(?:verify|reset|email_change|invitation|mfa|state)",
    "place": "[0-9a-hjkmnp-tv-z]{26}",
    "provider": "[a-z0-9][a-z0-9-]{0,31}",
    "limit": "[a-z-]+",
    "subject": "[0-9a-z.:/-]+",
    "window": "[0-9]+",
}
# What the index by owner answers: which kinds are in it, and under whom.
OWNERS = {
    "user": "USERS",
    "project": "PROJECTS#{number}",
    "role": "ROLES",
    "permission": "PERMISSIONS",
    "session": "USER#{id}#SESSIONS#{number}",
    "member": "USER#{id}#PROJECTS",
    "invitation": "INVITATIONS#unposted",
    "key": "PROJECT#{project}#KEYS",
    "upload": "UPLOADS#open#{number}",
    "file": "PROJECT#{project}#(FILES|TRASH)",
    "job": "PROJECT#{project}#JOBS",
}
# The same of the indexes by facet and by quality.
FACETS = {
    "project": "PROJECTS#deleted",
    "upload": "PROJECT#{project}#UPLOADS",
    "file": "PROJECT#{project}#NAMES",
    "job": "PROJECT#{project}#JOBS#(pending|processing|completed|failed)",
}
QUALITIES = {"file": "PROJECT#{project}#KIND#(image|file)", "job": "JOBS#open#{number}"}
INDEXES = (("owner", "position", OWNERS), ("facet", "rank", FACETS), ("quality", "turn", QUALITIES))


def test_every_kind_of_record_is_in_the_table() -> None:
    for module in modules("holdall"):
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
            getattr(kind, "record_kind", None) and _discriminator(kind)
            for kind in base.__subclasses__()
            if kind.__module__.startswith("holdall.")  # a test may declare kinds of its own
        }
        for table, base in bases.items()
    }

    assert found == {table: set(kinds) for table, kinds in RECORDS.items()}


@pytest.mark.parametrize("table", RECORDS)
def test_what_lies_in_a_table_has_the_keys_of_its_kind(table: str, lived_in: None) -> None:
    rows = _rows(table)

    for row in rows:
        kind = row.get("record_kind")
        partition, sort = RECORDS[table][kind]
        assert _fits(partition, row["pk"]), row
        assert _fits(sort, row["sk"]), row
        for name, position, places in INDEXES:
            assert name not in row or _fits(places[str(kind)], row[name]), row
            assert (name in row) == (position in row), row
    assert {row.get("record_kind") for row in rows} >= set(RECORDS[table])


def test_no_secret_lies_in_a_table(scene: Scene, lived_in: None) -> None:
    everything = str([_rows(table) for table in RECORDS])

    assert scene.password not in everything
    assert scene.client.refresh_token.rpartition("_")[2] not in everything
    assert str(scene.client.token) not in everything


@pytest.fixture
def lived_in(scene: Scene, cloud: Cloud) -> None:
    """Tables after somebody went through the main job."""
    scene.drawn()
    cloud.run("recount")
    cloud.work()
    staff = Staff(people.superuser())
    staff.member(staff.role(staff.permission()))
    staff.root.delete(f"/roles/{staff.role()}")  # which begins an epoch
    code = scene.second_factor()
    scene.client.post("/auth/2fa/enable", {"code": code}).data()
    Client().post("/auth/forgot-password", {"email": scene.email}).data()
    with Transaction() as write:
        letters.promise(write, Kind.CHANGED, scene.email)  # one that nobody has posted yet
        google = Linked("google", "issuer", "subject", scene.email, clock.now())
        store.add_identity(write, scene.client.user["id"], google, otherwise=NotFound())
    scene.client.request("DELETE", f"/files/{scene.document()}").data()
    members.program(scene.client, scene.project_id).get("/files").data()
    away = scene.client.post("/projects", {"name": "Away"}).created()["id"]
    scene.client.delete(f"/projects/{away}").data()
    scene.client.post(f"/projects/{scene.project_id}/sync-variants").data()
    members.invite(scene.client, scene.project_id, scene.new_email())
    scene.client.post("/files/init-upload", announce(b"x", projectId=scene.project_id)).created()
    scene.client.request("POST", "/projects", {"name": "Once"}, headers={"idempotency-key": scene.email}).created()


def _discriminator(kind: Any) -> Any:
    return kind.record_kind.get_discriminator(kind)


def _rows(table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table):
        found += [{name: next(iter(value.values())) for name, value in item.items()} for item in page["Items"]]
    return found


def _fits(pattern: str, key: str) -> bool:
    parts = re.split(r"(\{[a-z]+\})", pattern)
    return (
        re.fullmatch("".join(_VARIES[part[1:-1]] if part.startswith("{") else part for part in parts), key) is not None
    )
