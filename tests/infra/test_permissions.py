"""Z6: who may do what, written down once more, and compared with the template.

Whoever changes the catalogue changes this table too, and looks at it.
"""

import re
from collections import defaultdict

import pytest

from infra.catalog import FUNCTIONS
from tests.infra.template import Template

_READ = "dynamodb:BatchGetItem dynamodb:GetItem"
_READ_AND_WRITE = f"{_READ} dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:PutItem dynamodb:UpdateItem"
_MAIN_TABLE = {"main": f"{_READ_AND_WRITE} dynamodb:Query"} | dict.fromkeys(
    ("main/index/gsi1", "main/index/gsi2", "main/index/gsi3"), "dynamodb:Query"
)
_WRITE_AUDIT = {"audit": "dynamodb:PutItem"}
_READ_AUDIT = dict.fromkeys(
    (f"audit/index/{index}" for index in ("by-actor", "by-target", "by-action", "by-time")), "dynamodb:Query"
)
_EPHEMERAL = {"ephemeral": "dynamodb:ConditionCheckItem dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem"}
_RECEIVE = "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage"

PERMISSIONS: dict[str, dict[str, str]] = {
    "auth": {
        **_MAIN_TABLE,
        **_WRITE_AUDIT,
        **_READ_AUDIT,
        "credentials": f"{_READ_AND_WRITE} dynamodb:Query",
        "ephemeral": _READ_AND_WRITE,
        "parameters/*": "ssm:DeleteParameter ssm:GetParameter ssm:PutParameter",
        "mail": "sqs:SendMessage",
        "work": "sqs:SendMessage",
    },
    "projects": {**_MAIN_TABLE, **_WRITE_AUDIT, **_EPHEMERAL, "mail": "sqs:SendMessage", "work": "sqs:SendMessage"},
    "upload": {
        **_MAIN_TABLE,
        **_WRITE_AUDIT,
        **_EPHEMERAL,
        "originals": "s3:ListBucket",
        "originals/*": (
            "s3:AbortMultipartUpload s3:GetObject s3:GetObjectVersion s3:ListMultipartUploadParts s3:PutObject"
        ),
        "images": "sqs:SendMessage",
        "work": "sqs:SendMessage",
    },
    "files": {
        **_MAIN_TABLE,
        **_WRITE_AUDIT,
        **_EPHEMERAL,
        "originals": "s3:ListBucket",
        "originals/*": "s3:GetObject s3:GetObjectVersion",
        "variants": "s3:ListBucket",
        "variants/media/*": "s3:GetObject",
        "variants/private/*": "s3:GetObject",
        "images": "sqs:SendMessage",
        "work": "sqs:SendMessage",
        # An action of the account, which knows no resource.
        "*": "ses:GetAccount",
    },
    "ingest": {
        **_MAIN_TABLE,
        "originals": "s3:ListBucket",
        "originals/*": "s3:DeleteObject s3:DeleteObjectVersion s3:GetObject s3:GetObjectVersion",
        "images": "sqs:SendMessage",
        "work": "sqs:SendMessage",
        "objects": _RECEIVE,
    },
    "imageproc": {
        "main": f"{_READ} dynamodb:ConditionCheckItem dynamodb:PutItem dynamodb:UpdateItem",
        "originals/*": "s3:GetObject s3:GetObjectVersion",
        "variants/media/*": "s3:DeleteObject s3:PutObject",
        "variants/private/*": "s3:DeleteObject s3:PutObject",
        "images": _RECEIVE,
    },
    # Letters hold the secrets of links: who sends them reads nothing, and nobody else's queue.
    "mail": {"*": "ses:SendEmail", "mail": _RECEIVE},
    "maintenance": {
        **_MAIN_TABLE,
        "main": f"{_MAIN_TABLE['main']} dynamodb:Scan",
        "originals": "s3:ListBucket s3:ListBucketVersions",
        "originals/*": (
            "s3:AbortMultipartUpload s3:DeleteObject s3:DeleteObjectVersion s3:GetObject s3:GetObjectVersion"
        ),
        "variants": "s3:ListBucket",
        "variants/media/*": "s3:DeleteObject s3:GetObject s3:PutObject",
        "variants/private/*": "s3:DeleteObject s3:GetObject s3:PutObject",
        "images": "sqs:SendMessage",
        "mail": "sqs:SendMessage",
        "work": f"{_RECEIVE} sqs:SendMessage",
    },
}
# With the switch `auditExport`, and without it nothing of this.
EXPORT_PERMISSIONS = {"maintenance": {"audit": "dynamodb:Query", "exports/*": "s3:PutObject"}}
# Every function may write its own log and its traces.
_COMMON = {
    "logs": "logs:CreateLogStream logs:PutLogEvents",
    "*": "xray:PutTelemetryRecords xray:PutTraceSegments",
}


def test_the_table_names_every_function() -> None:
    assert set(PERMISSIONS) == {function.name for function in FUNCTIONS}


@pytest.mark.parametrize("name", PERMISSIONS)
def test_a_function_may_do_what_the_table_says_and_nothing_else(
    name: str, cloud_template: Template, local_template: Template
) -> None:
    assert _allowed_actions(name, cloud_template) == _expected_actions(PERMISSIONS[name])
    assert _allowed_actions(name, local_template) == _expected_actions(
        {**PERMISSIONS[name], **EXPORT_PERMISSIONS.get(name, {})}
    )


def test_no_policy_lies_outside_the_roles(cloud_template: Template) -> None:
    assert cloud_template.attached_policies() == []


def test_no_role_has_a_wildcard_action(cloud_template: Template) -> None:
    for role in cloud_template.properties("AWS::IAM::Role").values():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                assert not [action for action in actions if "*" in action]


def test_maintenance_alone_scans_and_the_main_table_alone(cloud_template: Template, local_template: Template) -> None:
    for template in (cloud_template, local_template):
        scanned = {
            (name, _resource_name(resource, "maintenance"))
            for name, role in template.properties("AWS::IAM::Role").items()
            for resource, actions in template.role_statements(role)
            if "dynamodb:Scan" in actions
        }
        [maintenance] = template.functions()["maintenance"]["Role"]["Fn::GetAtt"][:1]
        assert scanned == {(maintenance, "main")}


def test_every_function_of_the_api_counts_the_calls_of_a_key() -> None:
    for function in FUNCTIONS:
        if function.path_prefixes or function.is_default_route:
            assert "dynamodb:UpdateItem" in PERMISSIONS[function.name]["ephemeral"].split(), function.name


def test_nobody_but_auth_reaches_credentials_or_keys(cloud_template: Template) -> None:
    for name in PERMISSIONS.keys() - {"auth"}:
        assert not {"credentials", "parameters/*"} & _allowed_actions(name, cloud_template).keys()


def test_mail_has_no_action_on_any_table(cloud_template: Template) -> None:
    actions = {
        action
        for _, named in cloud_template.function_statements(cloud_template.functions()["mail"])
        for action in named
    }

    assert {action.split(":")[0] for action in actions} == {"ses", "sqs", "logs", "xray"}


def test_letters_leave_from_the_address_of_the_stage_alone(
    template_with_email: Template, local_template: Template
) -> None:
    for template in (template_with_email, local_template):
        [policy] = template.function_role(template.functions()["mail"])["Policies"]
        [sends] = [one for one in policy["PolicyDocument"]["Statement"] if one["Action"] == "ses:SendEmail"]
        assert sends["Condition"] == {"StringEqualsIfExists": {"ses:FromAddress": "holdall@example.com"}}


def test_nobody_but_mail_sends_letters(cloud_template: Template) -> None:
    for name in PERMISSIONS.keys() - {"mail"}:
        assert "ses:SendEmail" not in set().union(*_allowed_actions(name, cloud_template).values())


def test_nobody_changes_what_was_audited(cloud_template: Template, local_template: Template) -> None:
    given = {
        (resource, action)
        for template in (cloud_template, local_template)
        for name in PERMISSIONS
        for resource, actions in _allowed_actions(name, template).items()
        for action in actions
        if resource.startswith("audit")
    }

    assert {action for _, action in given} == {"dynamodb:PutItem", "dynamodb:Query"}
    assert {resource for resource, action in given if action == "dynamodb:PutItem"} == {"audit"}


def test_whoever_writes_the_export_can_neither_read_nor_delete_it_nor_write_the_audit_table(
    local_template: Template,
) -> None:
    allowed = {name: _allowed_actions(name, local_template) for name in PERMISSIONS}

    touching = {name: each["exports/*"] for name, each in allowed.items() if any("exports" in one for one in each)}
    assert touching == {"maintenance": {"s3:PutObject"}}
    assert allowed["maintenance"]["audit"] == {"dynamodb:Query"}


def test_whoever_asks_for_an_object_learns_that_it_is_missing() -> None:
    # Without ListBucket, HeadObject of a missing key is 403 in AWS, and nothing at the desk tells.
    assert "s3:ListBucket" in PERMISSIONS["upload"]["originals"]
    assert "s3:ListBucket" in PERMISSIONS["ingest"]["originals"]


def test_roles_are_assumed_by_the_service_they_serve(cloud_template: Template) -> None:
    for role in cloud_template.properties("AWS::IAM::Role").values():
        [statement] = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"]["Service"] in {"lambda.amazonaws.com", "scheduler.amazonaws.com"}


def _expected_actions(table: dict[str, str]) -> dict[str, set[str]]:
    expected: defaultdict[str, set[str]] = defaultdict(set)
    for resource, actions in (*table.items(), *_COMMON.items()):
        expected[resource] |= set(actions.split())
    return expected


def _allowed_actions(name: str, template: Template) -> dict[str, set[str]]:
    allowed: defaultdict[str, set[str]] = defaultdict(set)
    for resource, actions in template.function_statements(template.functions()[name]):
        allowed[_resource_name(resource, name)] |= set(actions)
    return dict(allowed)


def _resource_name(arn: str, function: str) -> str:
    """`<TablesMain…>/index/gsi1` is called `main/index/gsi1`."""
    if re.fullmatch(r"arn:.*:parameter/[\w-]+/\*", arn):
        return "parameters/*"
    if re.fullmatch(rf"<Functions{function.capitalize()}Logs\w+>", arn):
        return "logs"
    found = re.fullmatch(r"<(?:Tables|Queues)?([A-Z][a-z]+?)(?:Bucket)?[0-9A-F]{8}>(.*)", arn)
    return found[1].lower() + found[2] if found else arn
