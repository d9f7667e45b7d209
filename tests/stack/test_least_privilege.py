"""What each function may do with its own role's credentials, and what it may not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.catalog import FUNCTIONS
from infra.local.testing import Running

_EVERY = [function.name for function in FUNCTIONS]
_API = [function.name for function in FUNCTIONS if function.prefixes]
_AUDIT_INDEXES = {"by-actor": "actor", "by-target": "target", "by-action": "action", "by-time": "journal"}
_INDEXED = {"by-owner": "owner", **_AUDIT_INDEXES}
_KEY = {"pk": {"S": "TRIED#by-a-test"}, "sk": {"S": "TRIED"}}


@dataclass(frozen=True)
class Role:
    """The rights of one function."""

    running: Running
    credentials: Mapping[str, str]

    @classmethod
    def of(cls, running: Running, function: str) -> "Role":
        assumed = running.cloud.client("sts").assume_role(
            RoleArn=running.outputs[f"{function.capitalize()}Role"], RoleSessionName="tried"
        )["Credentials"]
        names = {
            "aws_access_key_id": "AccessKeyId",
            "aws_secret_access_key": "SecretAccessKey",
            "aws_session_token": "SessionToken",
        }
        return cls(running, {option: assumed[name] for option, name in names.items()})

    def client(self, service: str) -> Any:
        return self.running.cloud.client(service, **self.credentials)

    def output(self, name: str) -> str:
        return self.running.outputs[name]


Try = Callable[[Role], object]


def on_table(operation: str, table: str, **more: Any) -> Try:
    return lambda role: getattr(role.client("dynamodb"), operation)(TableName=role.output(f"{table}Table"), **more)


def get(table: str) -> Try:
    return on_table("get_item", table, Key=_KEY)


def put(table: str) -> Try:
    return on_table("put_item", table, Item={**_KEY, "id": {"S": "tried"}})


def update(table: str) -> Try:
    change = {"UpdateExpression": "SET tried = :yes", "ExpressionAttributeValues": {":yes": {"BOOL": True}}}
    return on_table("update_item", table, Key=_KEY, **change)


def delete(table: str) -> Try:
    return on_table("delete_item", table, Key=_KEY)


def query(table: str, index: str | None = None) -> Try:
    where = {"IndexName": index} if index else {}
    attribute = _INDEXED[index] if index else "pk"
    condition = {"KeyConditionExpression": f"{attribute} = :x", "ExpressionAttributeValues": {":x": {"S": "TRIED"}}}
    return on_table("query", table, **where, **condition)


def scan(table: str, index: str | None = None) -> Try:
    return on_table("scan", table, **({"IndexName": index} if index else {}))


def put_object(bucket: str, key: str) -> Try:
    return lambda role: role.client("s3").put_object(Bucket=role.output(f"{bucket}Bucket"), Key=key, Body=b"tried")


def get_object(bucket: str, key: str) -> Try:
    return lambda role: role.client("s3").get_object(Bucket=role.output(f"{bucket}Bucket"), Key=key)


def delete_object(bucket: str, key: str) -> Try:
    return lambda role: role.client("s3").delete_object(Bucket=role.output(f"{bucket}Bucket"), Key=key)


def list_objects(bucket: str) -> Try:
    return lambda role: role.client("s3").list_objects_v2(Bucket=role.output(f"{bucket}Bucket"))


def list_versions(bucket: str) -> Try:
    return lambda role: role.client("s3").list_object_versions(Bucket=role.output(f"{bucket}Bucket"))


def send_message(queue: str, body: str) -> Try:
    return lambda role: role.client("sqs").send_message(QueueUrl=role.output(f"{queue}Queue"), MessageBody=body)


def receive(queue: str) -> Try:
    return lambda role: role.client("sqs").receive_message(QueueUrl=role.output(f"{queue}Queue"))


def send_letter(sender: str) -> Try:
    content = {"Simple": {"Subject": {"Data": "Tried"}, "Body": {"Text": {"Data": "Tried"}}}}
    to = {"ToAddresses": ["tried@example.test"]}
    return lambda role: role.client("sesv2").send_email(FromEmailAddress=sender, Destination=to, Content=content)


def ask_account(role: Role) -> object:
    return role.client("sesv2").get_account()


def read_parameter(name: str) -> Try:
    return lambda role: role.client("ssm").get_parameter(Name=name, WithDecryption=True)


_PARAMETER = "/Holdall-local/tried"
# Messages about a job that is not there: workers acknowledge them.
_NO_WORK, _NO_IMAGE = '{"work": "job", "id": "tried"}', '{"jobId": "tried"}'
# A letter to nobody: it is dropped.
_NO_LETTER = '{"kind": "nobody", "id": "tried", "to": "", "name": "", "detail": ""}'
_SENDER = "holdall@example.com"
_WITH_STATE = [name for name in _EVERY if name != "mail"]
_WRITERS = ["auth", "projects", "maintenance"]  # of letters

REFUSED: list[tuple[str, str, Try]] = [
    ("imageproc", "put an original", put_object("Originals", "tried/x")),
    ("imageproc", "delete an original", delete_object("Originals", "tried/x")),
    ("imageproc", "put beside the shelves", put_object("Variants", "tried")),
    ("imageproc", "list originals", list_objects("Originals")),
    ("imageproc", "read a variant", get_object("Variants", "private/tried")),
    ("imageproc", "list variants", list_objects("Variants")),
    ("imageproc", "query", query("Main")),
    ("imageproc", "query an index", query("Main", "by-owner")),
    ("imageproc", "delete a row", delete("Main")),
    ("imageproc", "write audit", put("Audit")),
    ("imageproc", "read ephemeral", get("Ephemeral")),
    ("imageproc", "send work", send_message("Work", _NO_WORK)),
    ("ingest", "put a variant", put_object("Variants", "media/tried")),
    ("ingest", "put an original", put_object("Originals", "tried/x")),
    ("ingest", "write audit", put("Audit")),
    ("ingest", "read ephemeral", get("Ephemeral")),
    ("upload", "put a variant", put_object("Variants", "media/tried")),
    ("upload", "delete an original", delete_object("Originals", "tried/x")),
    ("upload", "read the objects queue", receive("Objects")),
    ("files", "put an original", put_object("Originals", "tried/x")),
    ("files", "put a variant", put_object("Variants", "private/tried")),
    ("files", "delete an original", delete_object("Originals", "tried/x")),
    ("projects", "read an original", get_object("Originals", "tried/x")),
    ("projects", "list variants", list_objects("Variants")),
    ("auth", "read an original", get_object("Originals", "tried/x")),
    ("auth", "put a variant", put_object("Variants", "media/tried")),
    ("auth", "send an image", send_message("Images", _NO_IMAGE)),
    ("auth", "read a parameter of others", read_parameter("/other/secret")),
    *(("mail", f"read {table}", get(table)) for table in ("Main", "Ephemeral")),
    *(("mail", f"write {table}", put(table)) for table in ("Main", "Audit", "Ephemeral")),
    ("mail", "query main", query("Main")),
    ("mail", "query an index", query("Main", "by-owner")),
    ("mail", "read an original", get_object("Originals", "tried/x")),
    ("mail", "write a letter of its own", send_message("Mail", _NO_LETTER)),
    ("mail", "read the work queue", receive("Work")),
    ("mail", "ask about the account", ask_account),
    *((name, "send a letter", send_letter(_SENDER)) for name in _WITH_STATE),
    *((name, "read the mail queue", receive("Mail")) for name in _WITH_STATE),
    *((name, "write a letter", send_message("Mail", _NO_LETTER)) for name in _WITH_STATE if name not in _WRITERS),
    ("maintenance", "put an original", put_object("Originals", "tried/x")),
    ("maintenance", "put beside the shelves", put_object("Variants", "tried")),
    ("maintenance", "write audit", put("Audit")),
    *((name, "scan main", scan("Main")) for name in _EVERY if name != "maintenance"),
    *((name, "scan an index", scan("Main", "by-owner")) for name in _EVERY),
    *((name, "scan ephemeral", scan("Ephemeral")) for name in _EVERY),
    *((name, "scan audit", scan("Audit")) for name in _EVERY),
    *((name, "scan credentials", scan("Credentials")) for name in _EVERY),
    *((name, "delete the main table", on_table("delete_table", "Main")) for name in _EVERY),
    *((name, "update audit", update("Audit")) for name in _EVERY),
    *((name, "delete audit", delete("Audit")) for name in _EVERY),
    *((name, "read audit", get("Audit")) for name in _EVERY),
    *((name, "query audit", query("Audit")) for name in _EVERY if name != "maintenance"),
    *(
        (name, f"query audit {index}", query("Audit", index))
        for name in _EVERY
        if name != "auth"
        for index in _AUDIT_INDEXES
    ),
    *((name, "read the export", get_object("Exports", "tried")) for name in _EVERY),
    *((name, "delete the export", delete_object("Exports", "tried")) for name in _EVERY),
    *((name, "list the export", list_objects("Exports")) for name in _EVERY),
    *((name, "write the export", put_object("Exports", "tried")) for name in _EVERY if name != "maintenance"),
    *((name, "read credentials", get("Credentials")) for name in _EVERY if name != "auth"),
    *((name, "write credentials", put("Credentials")) for name in _EVERY if name != "auth"),
    *((name, "query credentials", query("Credentials")) for name in _EVERY if name != "auth"),
    *((name, "read a parameter", read_parameter(_PARAMETER)) for name in _EVERY if name != "auth"),
]

ALLOWED: list[tuple[str, str, Try]] = [
    *((name, "read main", get("Main")) for name in _WITH_STATE),
    *((name, "write main", update("Main")) for name in _WITH_STATE),
    *((name, "query the index", query("Main", "by-owner")) for name in _WITH_STATE if name != "imageproc"),
    *((name, "write audit", put("Audit")) for name in _API),
    *((name, "write ephemeral", put("Ephemeral")) for name in _API),
    *((name, "count a call", update("Ephemeral")) for name in _API),
    *((name, "write a letter", send_message("Mail", _NO_LETTER)) for name in _WRITERS),
    *((name, "send work", send_message("Work", _NO_WORK)) for name in _EVERY if name not in ("imageproc", "mail")),
    *(("auth", f"query audit {index}", query("Audit", index)) for index in _AUDIT_INDEXES),
    ("maintenance", "query audit", query("Audit")),
    ("maintenance", "write the export", put_object("Exports", "tried")),
    ("auth", "write credentials", put("Credentials")),
    ("auth", "read credentials", get("Credentials")),
    ("auth", "read its parameter", read_parameter(_PARAMETER)),
    ("mail", "send a letter", send_letter(_SENDER)),
    ("files", "ask whether letters leave the sandbox", ask_account),
    ("upload", "put an original", put_object("Originals", "tried/original")),
    ("upload", "list originals", list_objects("Originals")),
    ("upload", "send an image", send_message("Images", _NO_IMAGE)),
    ("files", "read an original", get_object("Originals", "tried/original")),
    ("files", "read a variant", get_object("Variants", "private/tried")),
    ("ingest", "read an original", get_object("Originals", "tried/original")),
    ("ingest", "delete an original", delete_object("Originals", "tried/gone")),
    ("imageproc", "read an original", get_object("Originals", "tried/original")),
    ("imageproc", "put a variant", put_object("Variants", "private/tried")),
    ("imageproc", "put a public variant", put_object("Variants", "media/tried")),
    ("maintenance", "scan main", scan("Main")),
    ("maintenance", "list variants", list_objects("Variants")),
    ("maintenance", "list versions", list_versions("Originals")),
    ("maintenance", "delete an original", delete_object("Originals", "tried/gone")),
    ("maintenance", "move a variant", put_object("Variants", "media/tried")),
    ("maintenance", "delete a variant", delete_object("Variants", "media/gone")),
]


@pytest.fixture(scope="module")
def role_of(deployed: Running) -> Callable[[str], Role]:
    """The role of a function, assumed once, in a house with something to read."""
    admin = deployed.cloud.client
    admin("ssm").put_parameter(Name=_PARAMETER, Value="secret", Type="SecureString", Overwrite=True)
    admin("s3").put_object(Bucket=deployed.outputs["OriginalsBucket"], Key="tried/original", Body=b"tried")
    admin("s3").put_object(Bucket=deployed.outputs["VariantsBucket"], Key="private/tried", Body=b"tried")
    return cache(lambda function: Role.of(deployed, function))


@pytest.mark.parametrize(
    ("function", "deed", "attempt"), REFUSED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_function_is_refused_what_it_was_not_given(
    function: str, deed: str, attempt: Try, role_of: Callable[[str], Role]
) -> None:
    with pytest.raises(ClientError) as refused:
        attempt(role_of(function))

    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), deed


@pytest.mark.parametrize(
    ("function", "deed", "attempt"), ALLOWED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_function_may_do_its_work(function: str, deed: str, attempt: Try, role_of: Callable[[str], Role]) -> None:
    assert attempt(role_of(function)), deed
