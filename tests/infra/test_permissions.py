"""Z6, R11: the IAM actions of each function, in a second table that is compared with the template.

The partition keys that an action is allowed for follow the table, in brackets; without them, it is allowed for all rows.

A change of the catalog needs the same change here, so that every change of rights is reviewed.
"""

import re
from collections import defaultdict

import pytest

from infra.catalog import FUNCTIONS
from tests.infra.template import Template

_READ = "dynamodb:BatchGetItem dynamodb:GetItem"
_WRITE = "dynamodb:PutItem dynamodb:UpdateItem"
_READ_AND_WRITE = f"{_READ} dynamodb:ConditionCheckItem dynamodb:DeleteItem {_WRITE}"
_READ_MAIN = {"main": f"{_READ} dynamodb:ConditionCheckItem dynamodb:Query"} | dict.fromkeys(
    ("main/index/gsi1", "main/index/gsi2", "main/index/gsi3"), "dynamodb:Query"
)
_WRITE_AUDIT = {"audit": "dynamodb:PutItem"}
_READ_AUDIT = dict.fromkeys(
    (f"audit/index/{index}" for index in ("by-actor", "by-target", "by-action", "by-time")), "dynamodb:Query"
)
_EPHEMERAL = {"ephemeral": f"dynamodb:GetItem {_WRITE}"}
_RECEIVE = "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage"
_ROWS_OF_AUTH = (
    "EVENTS#* JOB#* JWKS PERMISSION#* PROJECT#* QUOTA#* ROLE#* ROLES_EPOCH#* SEEN#* SESSION#* UNIQUE#* USAGE#* USER#*"
)

PERMISSIONS: dict[str, dict[str, str]] = {
    "auth": {
        **_READ_MAIN,
        f"main [{_ROWS_OF_AUTH}]": f"dynamodb:DeleteItem {_WRITE}",
        **_WRITE_AUDIT,
        **_READ_AUDIT,
        "credentials": f"{_READ_AND_WRITE} dynamodb:Query",
        **_EPHEMERAL,
        "parameters/*": "ssm:GetParameter ssm:PutParameter",
        "parameters/signing-key-*": "ssm:DeleteParameter",
        "mail": "sqs:SendMessage",
        "work": "sqs:SendMessage",
    },
    "projects": {
        **_READ_MAIN,
        "main [EVENTS#* JOB#* KEY#* PROJECT#* QUOTA#* SEEN#* USAGE#*]": f"dynamodb:DeleteItem {_WRITE}",
        **_WRITE_AUDIT,
        **_EPHEMERAL,
        "mail": "sqs:SendMessage",
        "work": "sqs:SendMessage",
    },
    "upload": {
        **_READ_MAIN,
        "main [EVENTS#* FILE#* INSTALLATION#* JOB#* QUOTA#* SEEN#* UPLOAD#* USAGE#*]": _WRITE,
        "main [COMPANION#*]": "dynamodb:PutItem",
        **_WRITE_AUDIT,
        **_EPHEMERAL,
        "originals": "s3:ListBucket",
        "originals/*": "s3:AbortMultipartUpload s3:GetObject s3:ListMultipartUploadParts s3:PutObject",
        "images": "sqs:SendMessage",
        "work": "sqs:SendMessage",
    },
    "files": {
        **_READ_MAIN,
        "main [EVENTS#* FILE#* JOB#* SEEN#* TASK#* VERSION#*]": _WRITE,
        "main [FILE#*]": "dynamodb:DeleteItem",
        "main [SHARES#* SHARE_TOKEN#*]": f"dynamodb:DeleteItem {_WRITE}",
        **_WRITE_AUDIT,
        **_EPHEMERAL,
        "originals": "s3:ListBucket",
        "originals/*": "s3:GetObjectVersion",
        "variants/media/*": "s3:GetObject",
        "variants/private/*": "s3:GetObject",
        "images": "sqs:SendMessage",
        "work": "sqs:SendMessage",
        # This action has no resource type.
        "*": "ses:GetAccount",
    },
    # Strangers call it, so it reads only what decides about a link.
    "shares": {
        (
            "main [FILE#* INSTALLATION#* KEY#* PROJECT#* QUOTA#* SEEN#* SHARES#* SHARE_TOKEN#* UPLOAD#* USAGE#* USER#*]"
        ): f"{_READ} dynamodb:ConditionCheckItem",
        "main [FILE#*]": "dynamodb:Query",
        "main [SHARES#*]": "dynamodb:UpdateItem",
        "main [SHARE_USES#*]": "dynamodb:PutItem",
        "main [EVENTS#* FILE#* INSTALLATION#* JOB#* QUOTA#* UPLOAD#* USAGE#*]": _WRITE,
        **_WRITE_AUDIT,
        **_EPHEMERAL,
        "originals": "s3:ListBucket",
        "originals/*": "s3:GetObject s3:GetObjectVersion s3:PutObject",
        "variants/media/*": "s3:GetObject",
        "variants/private/*": "s3:GetObject",
        "images": "sqs:SendMessage",
        "work": "sqs:SendMessage",
    },
    "ingest": {
        "main [FILE#* INSTALLATION#* KEY#* PROJECT#* SEEN#* UPLOAD#* USER#*]": f"{_READ} dynamodb:ConditionCheckItem",
        "main [FILE#*]": "dynamodb:Query",
        "main [EVENTS#* FILE#* INSTALLATION#* JOB#* QUOTA#* UPLOAD#* USAGE#*]": _WRITE,
        "originals": "s3:ListBucket",
        "originals/*": "s3:DeleteObjectVersion s3:GetObject",
        "images": "sqs:SendMessage",
        "work": "sqs:SendMessage",
        "objects": _RECEIVE,
    },
    "imageproc": {
        "main [FILE#* JOB#* PROJECT#* USAGE#*]": f"{_READ} dynamodb:ConditionCheckItem",
        "main [FILE#*]": "dynamodb:Query",
        "main [EVENTS#* FILE#* JOB#* USAGE#*]": _WRITE,
        "originals/*/images/original/*": "s3:GetObjectVersion",
        "variants/media/*": "s3:DeleteObject s3:PutObject",
        "variants/private/*": "s3:DeleteObject s3:PutObject",
        "images": _RECEIVE,
    },
    # Emails contain secret links, so this function has access to nothing else.
    "mail": {"*": "ses:SendEmail", "mail": _RECEIVE},
    "maintenance": {
        **_READ_MAIN,
        "main [EVENTS#* FILE#* INSTALLATION#* JOB#* PROJECT#* QUOTA#* TASK#* UPLOAD#* USAGE#*]": _WRITE,
        "main [FILE#* JOB#* KEY#* PROJECT#* QUOTA#* SEEN#* SHARES#* SHARE_TOKEN#* USAGE#* VERSION#*]": "dynamodb:DeleteItem",
        "ephemeral [ORPHAN#*]": "dynamodb:BatchGetItem dynamodb:PutItem",
        "originals": "s3:ListBucket s3:ListBucketMultipartUploads s3:ListBucketVersions",
        "originals/*": "s3:AbortMultipartUpload s3:DeleteObjectVersion s3:GetObjectVersion",
        "variants": "s3:ListBucket",
        "variants/media/*": "s3:DeleteObject s3:GetObject s3:PutObject",
        "variants/private/*": "s3:DeleteObject s3:GetObject s3:PutObject",
        "images": "sqs:SendMessage",
        "mail": "sqs:SendMessage",
        "work": f"{_RECEIVE} sqs:SendMessage",
        **dict.fromkeys(("imagesdeadletterqueue", "workdeadletterqueue"), "sqs:DeleteMessage sqs:ReceiveMessage"),
    },
}
# Only if `auditExport` is on.
EXPORT_PERMISSIONS = {"maintenance": {"audit": "dynamodb:Query", "exports/*": "s3:PutObject"}}
# Only with an `edgeStore`.
_EDGE_CREDENTIALS = {"parameters/edge-credentials": "ssm:GetParameter"}
EDGE_PERMISSIONS = {
    "upload": _EDGE_CREDENTIALS,
    "shares": _EDGE_CREDENTIALS,
    "files": _EDGE_CREDENTIALS,
    "maintenance": {**_EDGE_CREDENTIALS, "originals/*": "s3:GetObject s3:PutObject"},
}
# Only if `virtualClock` is on, which no stage in AWS can have.
_CLOCK = {"ephemeral [CLOCK]": "dynamodb:GetItem"}
# Only if `tracing` is on.
_TRACING = {"*": "xray:PutTraceSegments xray:PutTelemetryRecords"}
_LOGS = {"logs": "logs:CreateLogStream logs:PutLogEvents"}


def test_table_lists_every_function() -> None:
    assert set(PERMISSIONS) == {function.name for function in FUNCTIONS}


@pytest.mark.parametrize("name", PERMISSIONS)
def test_function_has_exactly_the_actions_in_the_table(
    name: str, cloud_template: Template, local_template: Template
) -> None:
    assert _allowed_actions(name, cloud_template) == _expected_actions(PERMISSIONS[name])
    assert _allowed_actions(name, local_template) == _expected_actions(
        {**PERMISSIONS[name], **EXPORT_PERMISSIONS.get(name, {}), **_CLOCK}
    )


@pytest.mark.parametrize("name", PERMISSIONS)
def test_edge_store_adds_exactly_the_actions_in_its_table(
    name: str, cloud_template: Template, template_with_options: Template
) -> None:
    allowed, without = _allowed_actions(name, template_with_options), _allowed_actions(name, cloud_template)
    added = {resource: actions - without.get(resource, set()) for resource, actions in allowed.items()}
    optional = (EXPORT_PERMISSIONS.get(name, {}), EDGE_PERMISSIONS.get(name, {}), _TRACING)
    expected = {resource: set(actions.split()) for table in optional for resource, actions in table.items()}
    assert {resource: actions for resource, actions in added.items() if actions} == expected


def test_all_policies_are_inline_policies_of_roles(cloud_template: Template) -> None:
    assert cloud_template.attached_policies() == []


def test_no_role_has_a_wildcard_action(cloud_template: Template) -> None:
    for role in cloud_template.properties("AWS::IAM::Role").values():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                assert not [action for action in actions if "*" in action]


def test_no_function_scans(cloud_template: Template, local_template: Template) -> None:
    for template in (cloud_template, local_template):
        for role in template.properties("AWS::IAM::Role").values():
            assert not [actions for _, actions in template.role_statements(role) if "dynamodb:Scan" in actions]


def test_every_api_function_can_count_api_key_calls() -> None:
    for function in FUNCTIONS:
        if function.path_prefixes or function.is_default_route:
            assert "dynamodb:UpdateItem" in PERMISSIONS[function.name]["ephemeral"].split(), function.name


def test_only_auth_can_access_credentials_and_parameters(cloud_template: Template) -> None:
    for name in PERMISSIONS.keys() - {"auth"}:
        allowed = _allowed_actions(name, cloud_template)
        assert "credentials" not in allowed
        assert not [resource for resource in allowed if resource.startswith("parameters")]


def test_no_function_can_replace_a_parameter(cloud_template: Template) -> None:
    # Without the key of the TOTP secrets, no second factor works any more.
    for function in cloud_template.functions().values():
        [policy] = cloud_template.function_role(function)["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]:
            if "ssm:PutParameter" in statement["Action"]:
                assert statement["Condition"] == {"StringEqualsIfExists": {"ssm:Overwrite": "false"}}


def test_mail_has_no_action_on_any_table(cloud_template: Template) -> None:
    actions = {
        action
        for _, allowed in cloud_template.function_statements(cloud_template.functions()["mail"])
        for action in allowed
    }

    assert {action.split(":")[0] for action in actions} == {"ses", "sqs", "logs"}


def test_email_can_be_sent_only_from_the_address_of_the_stage(
    template_with_options: Template, local_template: Template
) -> None:
    for template in (template_with_options, local_template):
        [policy] = template.function_role(template.functions()["mail"])["Policies"]
        [statement] = [each for each in policy["PolicyDocument"]["Statement"] if each["Action"] == "ses:SendEmail"]
        assert statement["Condition"] == {"StringEqualsIfExists": {"ses:FromAddress": "holdall@example.com"}}


def test_only_mail_can_send_email(cloud_template: Template) -> None:
    for name in PERMISSIONS.keys() - {"mail"}:
        assert "ses:SendEmail" not in set().union(*_allowed_actions(name, cloud_template).values())


def test_no_function_can_change_audit_entries(cloud_template: Template, local_template: Template) -> None:
    allowed = {
        (resource, action)
        for template in (cloud_template, local_template)
        for name in PERMISSIONS
        for resource, actions in _allowed_actions(name, template).items()
        for action in actions
        if resource.startswith("audit")
    }

    assert {action for _, action in allowed} == {"dynamodb:PutItem", "dynamodb:Query"}
    assert {resource for resource, action in allowed if action == "dynamodb:PutItem"} == {"audit"}


def test_exporting_function_cannot_read_or_delete_exports_or_write_the_audit_table(
    local_template: Template,
) -> None:
    allowed = {name: _allowed_actions(name, local_template) for name in PERMISSIONS}

    on_exports = {name: each["exports/*"] for name, each in allowed.items() if any("exports" in arn for arn in each)}
    assert on_exports == {"maintenance": {"s3:PutObject"}}
    assert allowed["maintenance"]["audit"] == {"dynamodb:Query"}


def test_functions_that_check_an_upload_can_list_the_bucket() -> None:
    # Without ListBucket, HeadObject of a missing key returns 403 in AWS. MiniStack does not do this.
    assert "s3:ListBucket" in PERMISSIONS["upload"]["originals"]
    assert "s3:ListBucket" in PERMISSIONS["ingest"]["originals"]


def test_roles_are_assumed_only_by_lambda_and_by_schedules_of_this_account(cloud_template: Template) -> None:
    of_this_account = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    for role in cloud_template.properties("AWS::IAM::Role").values():
        [statement] = role["AssumeRolePolicyDocument"]["Statement"]
        # A function can only have a role of its own account (`iam:PassRole`), so its trust policy needs no condition.
        assert (statement["Principal"]["Service"], statement.get("Condition")) in [
            ("lambda.amazonaws.com", None),
            ("scheduler.amazonaws.com", of_this_account),
        ]


def _expected_actions(table: dict[str, str]) -> dict[str, set[str]]:
    expected: defaultdict[str, set[str]] = defaultdict(set)
    for resource, actions in (*table.items(), *_LOGS.items()):
        expected[resource] |= set(actions.split())
    return expected


def _allowed_actions(name: str, template: Template) -> dict[str, set[str]]:
    allowed: defaultdict[str, set[str]] = defaultdict(set)
    for resource, actions in template.function_statements(template.functions()[name]):
        allowed[_resource_name(resource, name)] |= set(actions)
    return dict(allowed)


def _resource_name(arn: str, function: str) -> str:
    """Return a short name: `<TablesMain…>/index/gsi1` is `main/index/gsi1`."""
    if found := re.fullmatch(r"arn:.*:parameter/[\w-]+/(.+)", arn):
        return f"parameters/{found[1]}"
    if re.fullmatch(rf"<Functions{function.capitalize()}Logs\w+>", arn):
        return "logs"
    found = re.fullmatch(r"<(?:Tables|Queues)?((?:[A-Z][a-z]+)+?)(?:Bucket)?[0-9A-F]{8}>(.*)", arn)
    return found[1].lower() + found[2] if found else arn


def test_only_a_laptop_has_a_clock_that_moves(cloud_template: Template, local_template: Template) -> None:
    switches = [
        {
            function["Environment"]["Variables"]["VIRTUAL_CLOCK"]
            for function in template.functions().values()
            if "MAIN_TABLE" in function["Environment"]["Variables"]
        }
        for template in (cloud_template, local_template)
    ]

    assert switches == [{"off"}, {"on"}]
