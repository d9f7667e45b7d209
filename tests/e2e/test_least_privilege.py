"""The roles of the deployed functions: one action that each is refused, and those that it needs.

`tests/infra/test_permissions.py` compares every action on every resource with the template. MiniStack does not know
`dynamodb:LeadingKeys`, so which rows a function may write is tested in process.
"""

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
# Rows of kinds that every function with rights on the main table may read, and write.
_READ_KEY = {"pk": {"S": "FILE#least-privilege"}, "sk": {"S": "TEST"}}
_KEY = {"pk": {"S": "EVENTS#least-privilege"}, "sk": {"S": "TEST"}}


@dataclass(frozen=True)
class AssumedRole:
    """The credentials of the role of a function."""

    deployment: E2EEnvironment
    credentials: Mapping[str, str]

    @classmethod
    def assume(cls, deployment: E2EEnvironment, function: str) -> "AssumedRole":
        assumed = deployment.cloud.client("sts").assume_role(
            RoleArn=deployment.outputs[f"{function.capitalize()}Role"], RoleSessionName="least-privilege"
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
    return call_table("get_item", table, Key=_READ_KEY)


def put_item(table: str) -> Attempt:
    return call_table("put_item", table, Item={**_KEY, "id": {"S": "tried"}})


def update_item(table: str) -> Attempt:
    change = {"UpdateExpression": "SET test = :yes", "ExpressionAttributeValues": {":yes": {"BOOL": True}}}
    return call_table("update_item", table, Key=_KEY, **change)


def query(table: str, index: str | None = None) -> Attempt:
    index_name = {"IndexName": index} if index else {}
    attribute = _INDEX_KEYS[index] if index else "pk"
    condition = {"KeyConditionExpression": f"{attribute} = :x", "ExpressionAttributeValues": {":x": {"S": "TEST"}}}
    return call_table("query", table, **index_name, **condition)


def put_object(bucket: str, key: str) -> Attempt:
    return lambda role: role.client("s3").put_object(Bucket=role.output(f"{bucket}Bucket"), Key=key, Body=b"tried")


def get_object(bucket: str, key: str) -> Attempt:
    return lambda role: role.client("s3").get_object(Bucket=role.output(f"{bucket}Bucket"), Key=key)


def on_new_version(operation: str, key: str) -> Attempt:
    """Return an attempt to get or delete a version of an original that was put before."""

    def attempt(role: AssumedRole) -> None:
        original = {"Bucket": role.output("OriginalsBucket"), "Key": key}
        version_id = role.deployment.cloud.client("s3").put_object(**original, Body=b"tried")["VersionId"]
        getattr(role.client("s3"), operation)(**original, VersionId=version_id)

    return attempt


def delete_object(bucket: str, key: str) -> Attempt:
    return lambda role: role.client("s3").delete_object(Bucket=role.output(f"{bucket}Bucket"), Key=key)


def list_objects(bucket: str) -> Attempt:
    return lambda role: role.client("s3").list_objects_v2(Bucket=role.output(f"{bucket}Bucket"))


def list_object_versions(bucket: str) -> Attempt:
    return lambda role: role.client("s3").list_object_versions(Bucket=role.output(f"{bucket}Bucket"))


def send_message(queue: str, body: str) -> Attempt:
    return lambda role: role.client("sqs").send_message(QueueUrl=role.output(f"{queue}Queue"), MessageBody=body)


def send_email(sender: str) -> Attempt:
    content = {"Simple": {"Subject": {"Data": "Tried"}, "Body": {"Text": {"Data": "Tried"}}}}
    to = {"ToAddresses": ["tried@example.test"]}
    return lambda role: role.client("sesv2").send_email(FromEmailAddress=sender, Destination=to, Content=content)


def get_account(role: AssumedRole) -> object:
    return role.client("sesv2").get_account()


def get_parameter(name: str) -> Attempt:
    return lambda role: role.client("ssm").get_parameter(Name=name, WithDecryption=True)


_PARAMETER = "/Holdall-local/tried"
# Workers delete a message about an unknown job.
_UNKNOWN_JOB_MESSAGE, _UNKNOWN_RENDER_MESSAGE = RunJob("tried").to_json(), RenderImage("tried").to_json()
_DISCARDED_EMAIL_MESSAGE = Email("tried", "", Discard()).to_json()  # never sent
_ALL_BUT_MAIL = [name for name in _ALL_FUNCTIONS if name != "mail"]
_EMAIL_PRODUCERS = ["auth", "projects", "maintenance"]

REFUSED: dict[str, Attempt] = {
    "auth": get_object("Originals", "tried/original"),
    "projects": get_item("Credentials"),
    "upload": delete_object("Originals", "tried/original"),
    "shares": delete_object("Originals", "tried/original"),
    "files": put_object("Originals", "tried/x"),
    "ingest": put_object("Variants", "media/tried"),
    "imageproc": on_new_version("get_object", "tried/files/original"),
    "mail": get_item("Main"),
    "maintenance": put_item("Audit"),
}

ALLOWED: list[tuple[str, str, Attempt]] = [
    *((name, "read main", get_item("Main")) for name in _ALL_BUT_MAIL),
    *((name, "write main", update_item("Main")) for name in _ALL_BUT_MAIL),
    *(
        (name, "query the index", query("Main", "gsi1"))
        for name in _ALL_BUT_MAIL
        if name not in ("shares", "ingest", "imageproc")
    ),
    *((name, "write audit", put_item("Audit")) for name in _API_FUNCTIONS),
    *((name, "write ephemeral", put_item("Ephemeral")) for name in _API_FUNCTIONS),
    *((name, "increment a rate limit", update_item("Ephemeral")) for name in _API_FUNCTIONS),
    *((name, "enqueue an email", send_message("Mail", _DISCARDED_EMAIL_MESSAGE)) for name in _EMAIL_PRODUCERS),
    *((name, "send work", send_message("Work", _UNKNOWN_JOB_MESSAGE)) for name in _ALL_BUT_MAIL if name != "imageproc"),
    *(("auth", f"query audit {index}", query("Audit", index)) for index in _AUDIT_INDEXES),
    ("maintenance", "query audit", query("Audit")),
    ("maintenance", "write the export", put_object("Exports", "tried")),
    ("auth", "write credentials", put_item("Credentials")),
    ("auth", "read credentials", get_item("Credentials")),
    ("auth", "read its parameter", get_parameter(_PARAMETER)),
    ("mail", "send an email", send_email("holdall@example.com")),
    ("files", "get the SES account", get_account),
    ("upload", "put an original", put_object("Originals", "tried/original")),
    ("upload", "list originals", list_objects("Originals")),
    ("upload", "send an image", send_message("Images", _UNKNOWN_RENDER_MESSAGE)),
    ("shares", "put an original", put_object("Originals", "tried/original")),
    ("shares", "list originals", list_objects("Originals")),
    ("shares", "read an original", on_new_version("get_object", "tried/files/original")),
    ("shares", "read a variant", get_object("Variants", "private/tried")),
    ("shares", "send an image", send_message("Images", _UNKNOWN_RENDER_MESSAGE)),
    ("files", "read an original", on_new_version("get_object", "tried/files/original")),
    ("files", "read a variant", get_object("Variants", "private/tried")),
    ("ingest", "read an original", get_object("Originals", "tried/original")),
    ("ingest", "delete an original", on_new_version("delete_object", "tried/files/gone")),
    ("imageproc", "read an original", on_new_version("get_object", "tried/images/original/tried")),
    ("imageproc", "put a variant", put_object("Variants", "private/tried")),
    ("imageproc", "put a public variant", put_object("Variants", "media/tried")),
    ("maintenance", "list variants", list_objects("Variants")),
    ("maintenance", "list versions", list_object_versions("Originals")),
    ("maintenance", "delete an original", on_new_version("delete_object", "tried/files/gone")),
    ("maintenance", "move a variant", put_object("Variants", "media/tried")),
    ("maintenance", "delete a variant", delete_object("Variants", "media/gone")),
]


@pytest.fixture(scope="module")
def assume_role(deployment: E2EEnvironment) -> Callable[[str], AssumedRole]:
    """Return a function that assumes the role of a function, once. There is a parameter, an original and a variant."""
    admin = deployment.cloud.client
    admin("ssm").put_parameter(Name=_PARAMETER, Value="secret", Type="SecureString", Overwrite=True)
    admin("s3").put_object(Bucket=deployment.outputs["OriginalsBucket"], Key="tried/original", Body=b"tried")
    admin("s3").put_object(Bucket=deployment.outputs["VariantsBucket"], Key="private/tried", Body=b"tried")
    return cache(lambda function: AssumedRole.assume(deployment, function))


def test_every_function_is_refused_an_action_that_it_does_not_need(assume_role: Callable[[str], AssumedRole]) -> None:
    assert set(REFUSED) == set(_ALL_FUNCTIONS)
    for function, attempt in REFUSED.items():
        with pytest.raises(ClientError) as refused:
            attempt(assume_role(function))
        assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), function


def test_functions_have_the_actions_that_they_need(
    assume_role: Callable[[str], AssumedRole], subtests: pytest.Subtests
) -> None:
    for function, action, attempt in ALLOWED:
        with subtests.test(function=function, action=action):
            attempt(assume_role(function))
