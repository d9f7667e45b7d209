"""What each function may do with its own role's credentials, and what it may not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from holdall.emails.model import Discard, Email
from holdall.jobs.model import RenderImage, RunJob
from infra.catalog import FUNCTIONS
from infra.local.e2e_environment import E2EEnvironment

_ALL_FUNCTIONS = [function.name for function in FUNCTIONS]
_API_FUNCTIONS = [function.name for function in FUNCTIONS if function.path_prefixes]
_AUDIT_INDEXES = {"by-actor": "actor", "by-target": "target", "by-action": "gsi_action_pk", "by-time": "gsi_time_pk"}
_INDEX_KEYS = {"gsi1": "gsi1pk", **_AUDIT_INDEXES}
_KEY = {"pk": {"S": "TEST#least-privilege"}, "sk": {"S": "TEST"}}


@dataclass(frozen=True)
class AssumedRole:
    """The rights of one function."""

    deployment: E2EEnvironment
    credentials: Mapping[str, str]

    @classmethod
    def assume(cls, deployment: E2EEnvironment, function: str) -> "AssumedRole":
        assumed = deployment.cloud.client("sts").assume_role(
            RoleArn=deployment.outputs[f"{function.capitalize()}Role"], RoleSessionName="tried"
        )["Credentials"]
        names = {
            "aws_access_key_id": "AccessKeyId",
            "aws_secret_access_key": "SecretAccessKey",
            "aws_session_token": "SessionToken",
        }
        return cls(deployment, {option: assumed[name] for option, name in names.items()})

    def client(self, service: str) -> Any:
        return self.deployment.cloud.client(service, **self.credentials)

    def output(self, name: str) -> str:
        return self.deployment.outputs[name]


Attempt = Callable[[AssumedRole], object]


def call_table(operation: str, table: str, **arguments: Any) -> Attempt:
    return lambda role: getattr(role.client("dynamodb"), operation)(TableName=role.output(f"{table}Table"), **arguments)


def get_item(table: str) -> Attempt:
    return call_table("get_item", table, Key=_KEY)


def put_item(table: str) -> Attempt:
    return call_table("put_item", table, Item={**_KEY, "id": {"S": "tried"}})


def update_item(table: str) -> Attempt:
    change = {"UpdateExpression": "SET test = :yes", "ExpressionAttributeValues": {":yes": {"BOOL": True}}}
    return call_table("update_item", table, Key=_KEY, **change)


def delete_item(table: str) -> Attempt:
    return call_table("delete_item", table, Key=_KEY)


def query(table: str, index: str | None = None) -> Attempt:
    where = {"IndexName": index} if index else {}
    attribute = _INDEX_KEYS[index] if index else "pk"
    condition = {"KeyConditionExpression": f"{attribute} = :x", "ExpressionAttributeValues": {":x": {"S": "TEST"}}}
    return call_table("query", table, **where, **condition)


def scan(table: str, index: str | None = None) -> Attempt:
    return call_table("scan", table, **({"IndexName": index} if index else {}))


def put_object(bucket: str, key: str) -> Attempt:
    return lambda role: role.client("s3").put_object(Bucket=role.output(f"{bucket}Bucket"), Key=key, Body=b"tried")


def get_object(bucket: str, key: str) -> Attempt:
    return lambda role: role.client("s3").get_object(Bucket=role.output(f"{bucket}Bucket"), Key=key)


def delete_object(bucket: str, key: str) -> Attempt:
    return lambda role: role.client("s3").delete_object(Bucket=role.output(f"{bucket}Bucket"), Key=key)


def list_objects(bucket: str) -> Attempt:
    return lambda role: role.client("s3").list_objects_v2(Bucket=role.output(f"{bucket}Bucket"))


def list_object_versions(bucket: str) -> Attempt:
    return lambda role: role.client("s3").list_object_versions(Bucket=role.output(f"{bucket}Bucket"))


def send_message(queue: str, body: str) -> Attempt:
    return lambda role: role.client("sqs").send_message(QueueUrl=role.output(f"{queue}Queue"), MessageBody=body)


def receive_message(queue: str) -> Attempt:
    return lambda role: role.client("sqs").receive_message(QueueUrl=role.output(f"{queue}Queue"))


def send_email(sender: str) -> Attempt:
    content = {"Simple": {"Subject": {"Data": "Tried"}, "Body": {"Text": {"Data": "Tried"}}}}
    to = {"ToAddresses": ["tried@example.test"]}
    return lambda role: role.client("sesv2").send_email(FromEmailAddress=sender, Destination=to, Content=content)


def get_account(role: AssumedRole) -> object:
    return role.client("sesv2").get_account()


def get_parameter(name: str) -> Attempt:
    return lambda role: role.client("ssm").get_parameter(Name=name, WithDecryption=True)


_PARAMETER = "/Holdall-local/tried"
# Messages about a job that is not there: workers acknowledge them.
_UNKNOWN_JOB_MESSAGE, _UNKNOWN_RENDER_MESSAGE = RunJob("tried").to_json(), RenderImage("tried").to_json()
# A letter to nobody: it is dropped.
_DISCARDED_EMAIL_MESSAGE = Email("tried", "", Discard()).to_json()
_SENDER = "holdall@example.com"
_ALL_BUT_MAIL = [name for name in _ALL_FUNCTIONS if name != "mail"]
_EMAIL_PRODUCERS = ["auth", "projects", "maintenance"]  # of letters

REFUSED: list[tuple[str, str, Attempt]] = [
    ("imageproc", "put an original", put_object("Originals", "tried/x")),
    ("imageproc", "delete an original", delete_object("Originals", "tried/x")),
    ("imageproc", "put outside the variant prefixes", put_object("Variants", "tried")),
    ("imageproc", "list originals", list_objects("Originals")),
    ("imageproc", "read a variant", get_object("Variants", "private/tried")),
    ("imageproc", "list variants", list_objects("Variants")),
    ("imageproc", "query", query("Main")),
    ("imageproc", "query an index", query("Main", "gsi1")),
    ("imageproc", "delete a row", delete_item("Main")),
    ("imageproc", "write audit", put_item("Audit")),
    ("imageproc", "read ephemeral", get_item("Ephemeral")),
    ("imageproc", "send work", send_message("Work", _UNKNOWN_JOB_MESSAGE)),
    ("ingest", "put a variant", put_object("Variants", "media/tried")),
    ("ingest", "put an original", put_object("Originals", "tried/x")),
    ("ingest", "write audit", put_item("Audit")),
    ("ingest", "read ephemeral", get_item("Ephemeral")),
    ("upload", "put a variant", put_object("Variants", "media/tried")),
    ("upload", "delete an original", delete_object("Originals", "tried/x")),
    ("upload", "read the objects queue", receive_message("Objects")),
    ("files", "put an original", put_object("Originals", "tried/x")),
    ("files", "put a variant", put_object("Variants", "private/tried")),
    ("files", "delete an original", delete_object("Originals", "tried/x")),
    ("projects", "read an original", get_object("Originals", "tried/x")),
    ("projects", "list variants", list_objects("Variants")),
    ("auth", "read an original", get_object("Originals", "tried/x")),
    ("auth", "put a variant", put_object("Variants", "media/tried")),
    ("auth", "send an image", send_message("Images", _UNKNOWN_RENDER_MESSAGE)),
    ("auth", "read a parameter of another application", get_parameter("/other/secret")),
    *(("mail", f"read {table}", get_item(table)) for table in ("Main", "Ephemeral")),
    *(("mail", f"write {table}", put_item(table)) for table in ("Main", "Audit", "Ephemeral")),
    ("mail", "query main", query("Main")),
    ("mail", "query an index", query("Main", "gsi1")),
    ("mail", "read an original", get_object("Originals", "tried/x")),
    ("mail", "enqueue an email", send_message("Mail", _DISCARDED_EMAIL_MESSAGE)),
    ("mail", "read the work queue", receive_message("Work")),
    ("mail", "get the SES account", get_account),
    *((name, "send an email", send_email(_SENDER)) for name in _ALL_BUT_MAIL),
    *((name, "read the mail queue", receive_message("Mail")) for name in _ALL_BUT_MAIL),
    *(
        (name, "enqueue an email", send_message("Mail", _DISCARDED_EMAIL_MESSAGE))
        for name in _ALL_BUT_MAIL
        if name not in _EMAIL_PRODUCERS
    ),
    ("maintenance", "put an original", put_object("Originals", "tried/x")),
    ("maintenance", "put outside the variant prefixes", put_object("Variants", "tried")),
    ("maintenance", "write audit", put_item("Audit")),
    *((name, "scan main", scan("Main")) for name in _ALL_FUNCTIONS if name != "maintenance"),
    *((name, "scan an index", scan("Main", "gsi1")) for name in _ALL_FUNCTIONS),
    *((name, "scan ephemeral", scan("Ephemeral")) for name in _ALL_FUNCTIONS),
    *((name, "scan audit", scan("Audit")) for name in _ALL_FUNCTIONS),
    *((name, "scan credentials", scan("Credentials")) for name in _ALL_FUNCTIONS),
    *((name, "delete the main table", call_table("delete_table", "Main")) for name in _ALL_FUNCTIONS),
    *((name, "update audit", update_item("Audit")) for name in _ALL_FUNCTIONS),
    *((name, "delete audit", delete_item("Audit")) for name in _ALL_FUNCTIONS),
    *((name, "read audit", get_item("Audit")) for name in _ALL_FUNCTIONS),
    *((name, "query audit", query("Audit")) for name in _ALL_FUNCTIONS if name != "maintenance"),
    *(
        (name, f"query audit {index}", query("Audit", index))
        for name in _ALL_FUNCTIONS
        if name != "auth"
        for index in _AUDIT_INDEXES
    ),
    *((name, "read the export", get_object("Exports", "tried")) for name in _ALL_FUNCTIONS),
    *((name, "delete the export", delete_object("Exports", "tried")) for name in _ALL_FUNCTIONS),
    *((name, "list the export", list_objects("Exports")) for name in _ALL_FUNCTIONS),
    *((name, "write the export", put_object("Exports", "tried")) for name in _ALL_FUNCTIONS if name != "maintenance"),
    *((name, "read credentials", get_item("Credentials")) for name in _ALL_FUNCTIONS if name != "auth"),
    *((name, "write credentials", put_item("Credentials")) for name in _ALL_FUNCTIONS if name != "auth"),
    *((name, "query credentials", query("Credentials")) for name in _ALL_FUNCTIONS if name != "auth"),
    *((name, "read a parameter", get_parameter(_PARAMETER)) for name in _ALL_FUNCTIONS if name != "auth"),
]

ALLOWED: list[tuple[str, str, Attempt]] = [
    *((name, "read main", get_item("Main")) for name in _ALL_BUT_MAIL),
    *((name, "write main", update_item("Main")) for name in _ALL_BUT_MAIL),
    *((name, "query the index", query("Main", "gsi1")) for name in _ALL_BUT_MAIL if name != "imageproc"),
    *((name, "write audit", put_item("Audit")) for name in _API_FUNCTIONS),
    *((name, "write ephemeral", put_item("Ephemeral")) for name in _API_FUNCTIONS),
    *((name, "increment a rate limit", update_item("Ephemeral")) for name in _API_FUNCTIONS),
    *((name, "enqueue an email", send_message("Mail", _DISCARDED_EMAIL_MESSAGE)) for name in _EMAIL_PRODUCERS),
    *(
        (name, "send work", send_message("Work", _UNKNOWN_JOB_MESSAGE))
        for name in _ALL_FUNCTIONS
        if name not in ("imageproc", "mail")
    ),
    *(("auth", f"query audit {index}", query("Audit", index)) for index in _AUDIT_INDEXES),
    ("maintenance", "query audit", query("Audit")),
    ("maintenance", "write the export", put_object("Exports", "tried")),
    ("auth", "write credentials", put_item("Credentials")),
    ("auth", "read credentials", get_item("Credentials")),
    ("auth", "read its parameter", get_parameter(_PARAMETER)),
    ("mail", "send an email", send_email(_SENDER)),
    ("files", "get the SES account", get_account),
    ("upload", "put an original", put_object("Originals", "tried/original")),
    ("upload", "list originals", list_objects("Originals")),
    ("upload", "send an image", send_message("Images", _UNKNOWN_RENDER_MESSAGE)),
    ("files", "read an original", get_object("Originals", "tried/original")),
    ("files", "read a variant", get_object("Variants", "private/tried")),
    ("ingest", "read an original", get_object("Originals", "tried/original")),
    ("ingest", "delete an original", delete_object("Originals", "tried/gone")),
    ("imageproc", "read an original", get_object("Originals", "tried/original")),
    ("imageproc", "put a variant", put_object("Variants", "private/tried")),
    ("imageproc", "put a public variant", put_object("Variants", "media/tried")),
    ("maintenance", "scan main", scan("Main")),
    ("maintenance", "list variants", list_objects("Variants")),
    ("maintenance", "list versions", list_object_versions("Originals")),
    ("maintenance", "delete an original", delete_object("Originals", "tried/gone")),
    ("maintenance", "move a variant", put_object("Variants", "media/tried")),
    ("maintenance", "delete a variant", delete_object("Variants", "media/gone")),
]


@pytest.fixture(scope="module")
def assume_role(deployment: E2EEnvironment) -> Callable[[str], AssumedRole]:
    """The role of a function, assumed once, in a house with something to read."""
    admin = deployment.cloud.client
    admin("ssm").put_parameter(Name=_PARAMETER, Value="secret", Type="SecureString", Overwrite=True)
    admin("s3").put_object(Bucket=deployment.outputs["OriginalsBucket"], Key="tried/original", Body=b"tried")
    admin("s3").put_object(Bucket=deployment.outputs["VariantsBucket"], Key="private/tried", Body=b"tried")
    return cache(lambda function: AssumedRole.assume(deployment, function))


@pytest.mark.parametrize(
    ("function", "action", "attempt"), REFUSED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_function_is_refused_what_it_was_not_given(
    function: str, deed: str, attempt: Attempt, assume_role: Callable[[str], AssumedRole]
) -> None:
    with pytest.raises(ClientError) as refused:
        attempt(assume_role(function))

    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), deed


@pytest.mark.parametrize(
    ("function", "action", "attempt"), ALLOWED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_function_may_do_its_work(
    function: str, deed: str, attempt: Attempt, assume_role: Callable[[str], AssumedRole]
) -> None:
    assert attempt(assume_role(function)), deed
