"""Tables, buckets and queues: keys, retention, encryption and access."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from holdall.platform.table.records import AuditRecord, CredentialRecord, EphemeralRecord, Item, Record
from holdall.uploads.model import MULTIPART_TTL
from infra.catalog import FUNCTIONS
from infra.stage import Stage
from tests.infra.template import Template, format_arn
from tests.support.source_tree import ROOT

_KEY_SCHEMA = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]


def test_tables_have_their_keys_and_indexes(cloud_template: Template) -> None:
    tables = _tables(cloud_template)

    assert set(tables) == {"Main", "Credentials", "Audit", "Ephemeral"}
    assert all(table["KeySchema"] == _KEY_SCHEMA for table in tables.values())
    assert all(attribute["AttributeType"] == "S" for t in tables.values() for attribute in t["AttributeDefinitions"])
    assert _indexes(tables["Main"]) == {
        "gsi1": ("gsi1pk", "gsi1sk"),
        "gsi2": ("gsi2pk", "gsi2sk"),
        "gsi3": ("gsi3pk", "gsi3sk"),
    }
    assert _indexes(tables["Audit"]) == {
        "by-actor": ("actor", "sk"),
        "by-target": ("target", "sk"),
        "by-action": ("gsi_action_pk", "sk"),
        "by-time": ("gsi_time_pk", "sk"),
    }
    assert not _indexes(tables["Credentials"])
    assert not _indexes(tables["Ephemeral"])


def test_tables_survive_deletion_of_the_stack(cloud_template: Template) -> None:
    resources = cloud_template.resources("AWS::DynamoDB::Table").values()

    assert len(resources) == 4
    for table in resources:
        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert table["Properties"]["DeletionProtectionEnabled"] is True
        assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_main_has_a_stream_and_tables_whose_records_have_a_ttl_expire_them(cloud_template: Template) -> None:
    tables = _tables(cloud_template)

    assert tables["Main"]["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    expiring = {name for name, table in tables.items() if "TimeToLiveSpecification" in table}
    records: dict[str, type[Item]] = {
        "Main": Record,
        "Credentials": CredentialRecord,
        "Audit": AuditRecord,
        "Ephemeral": EphemeralRecord,
    }
    assert expiring == {name for name, record in records.items() if "ttl" in record.get_attributes()}
    for name in expiring:
        assert tables[name]["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_buckets_are_private_and_encrypted_and_require_tls(cloud_template: Template) -> None:
    buckets = cloud_template.properties("AWS::S3::Bucket")

    assert len(buckets) == 3
    for name, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert bucket["BucketEncryption"]
        assert _denies_plain_http(cloud_template, "AWS::S3::BucketPolicy", "Bucket", name)


def test_files_survive_deletion_of_the_stack(cloud_template: Template) -> None:
    buckets = cloud_template.resources("AWS::S3::Bucket")

    retained = {name for name, bucket in buckets.items() if bucket["DeletionPolicy"] == "Retain"}
    assert sorted(name[:8] for name in retained) == ["Original", "Variants"]


def test_originals_keep_versions_and_abort_incomplete_uploads(cloud_template: Template) -> None:
    [originals] = [
        b for name, b in cloud_template.properties("AWS::S3::Bucket").items() if name.startswith("Originals")
    ]

    assert originals["VersioningConfiguration"] == {"Status": "Enabled"}
    [rule] = originals["LifecycleConfiguration"]["Rules"]
    days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
    assert rule == {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days}, "Status": "Enabled"}
    assert timedelta(days=days) > MULTIPART_TTL


def test_exports_cannot_be_deleted_before_the_retention_ends(template_with_options: Template) -> None:
    [(name, exports)] = [
        each for each in template_with_options.resources("AWS::S3::Bucket").items() if each[0].startswith("Exports")
    ]
    properties = exports["Properties"]

    assert properties["ObjectLockEnabled"] is True
    assert properties["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 365}},
    }
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert (exports["DeletionPolicy"], exports["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert "LifecycleConfiguration" not in properties
    assert _denies_plain_http(template_with_options, "AWS::S3::BucketPolicy", "Bucket", name)


def test_export_bucket_is_created_only_if_enabled(cloud_template: Template, template_with_options: Template) -> None:
    without_export, with_export = (
        {
            format_arn(function["Environment"]["Variables"]["AUDIT_EXPORT_BUCKET"])
            for function in each.functions().values()
        }
        for each in (cloud_template, template_with_options)
    )

    assert without_export == {""}
    assert [name.startswith("<ExportsBucket") for name in with_export] == [True]
    assert not [name for name in cloud_template.resources("AWS::S3::Bucket") if name.startswith("Exports")]


def test_cors_of_originals_allows_only_listed_origins(cloud_template: Template, local_template: Template) -> None:
    for template in (cloud_template, local_template):
        rule = _cors_rule(template, "Originals")
        assert "*" not in "".join(format_arn(origin) for origin in rule["AllowedOrigins"] if isinstance(origin, str))
        # Uppy waits forever for an upload whose ETag it cannot read.
        assert {"ETag", "Location"} <= set(rule["ExposedHeaders"])
        assert {"POST", "PUT"} <= set(rule["AllowedMethods"])


def test_a_website_can_fetch_a_variant_but_cannot_send_its_api_key_there(cloud_template: Template) -> None:
    rule = _cors_rule(cloud_template, "Variants")

    assert rule["AllowedOrigins"] == ["*"]  # also `null`, which a browser sends after a redirect from another website
    assert sorted(rule["AllowedMethods"]) == ["GET", "HEAD"]
    assert rule["AllowedHeaders"] == ["range"]


def test_originals_notify_the_objects_queue_of_new_objects(cloud_template: Template) -> None:
    [originals] = [
        b for n, b in cloud_template.properties("AWS::S3::Bucket").items() if "NotificationConfiguration" in b
    ]

    [notification] = originals["NotificationConfiguration"]["QueueConfigurations"]
    assert notification["Event"] == "s3:ObjectCreated:*"
    queue = notification["Queue"]["Fn::GetAtt"][0]
    assert queue.startswith("QueuesObjects")
    [policy] = [p for p in cloud_template.properties("AWS::SQS::QueuePolicy").values() if {"Ref": queue} in p["Queues"]]
    [allowed] = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    assert (allowed["Action"], allowed["Principal"]) == ("sqs:SendMessage", {"Service": "s3.amazonaws.com"})
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_every_queue_has_a_dead_letter_queue_with_two_weeks_retention(cloud_template: Template) -> None:
    queues = cloud_template.properties("AWS::SQS::Queue")
    dead = {name: queue for name, queue in queues.items() if "Dead" in name}

    assert len(queues) == 2 * len(dead) == 8
    assert {queue["MessageRetentionPeriod"] for queue in dead.values()} == {14 * 24 * 3600}
    for name in queues.keys() - dead.keys():
        redrive = queues[name]["RedrivePolicy"]
        assert redrive["maxReceiveCount"] == 5
        assert redrive["deadLetterTargetArn"]["Fn::GetAtt"][0] in dead
    for name in queues:
        assert _denies_plain_http(cloud_template, "AWS::SQS::QueuePolicy", "Queues", name)


def test_visibility_timeout_is_six_times_the_function_timeout(cloud_template: Template) -> None:
    mappings = cloud_template.properties("AWS::Lambda::EventSourceMapping").values()
    functions, queues = cloud_template.properties("AWS::Lambda::Function"), cloud_template.properties("AWS::SQS::Queue")

    assert len(mappings) == sum(function.queue is not None for function in FUNCTIONS)
    for mapping in mappings:
        timeout = functions[cloud_template.called_function(mapping["FunctionName"])]["Timeout"]
        queue = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        assert queue["VisibilityTimeout"] >= 6 * timeout
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_worker_has_a_concurrency_limit(
    cloud_template: Template, local_template: Template, stages: dict[str, Stage]
) -> None:
    for template, stage in ((cloud_template, stages["cloud"]), (local_template, stages["local"])):
        limits = {
            format_arn(mapping["EventSourceArn"])[len("<Queues") : -len("12345678>")]: mapping["ScalingConfig"]
            for mapping in template.properties("AWS::Lambda::EventSourceMapping").values()
        }
        assert limits == {
            "Objects": {"MaximumConcurrency": stage.ingest_workers},
            "Images": {"MaximumConcurrency": stage.image_workers},
            "Work": {"MaximumConcurrency": stage.maintenance_workers},
            "Mail": {"MaximumConcurrency": stage.mail_workers},
        }


def test_names_of_the_last_release_are_kept(template_with_options: Template) -> None:
    """Another logical ID or queue is another, empty resource. DynamoDB creates or deletes one index of a table per update.

    After a release, write its names to the file.
    """
    released = json.loads(Path(__file__).with_name("last_release.json").read_text())
    logical_ids = {
        name: resource["Type"]
        for name, resource in template_with_options.body["Resources"].items()
        if resource["Type"] in released["logicalIds"].values()
    }

    assert released["logicalIds"].items() <= logical_ids.items()
    for name, table in _tables(template_with_options).items():
        assert len(_indexes(table).keys() ^ set(released["indexes"].get(name, []))) <= 1, name


def test_feature_flags_of_cdk_are_those_it_recommends() -> None:
    # A flag that is set later renames or replaces what exists.
    recommended = ROOT / "node_modules/aws-cdk/lib/init-templates/.recommended-feature-flags.json"
    context = json.loads((ROOT / "cdk.json").read_text())["context"]

    assert {name: value for name, value in context.items() if name.startswith("@aws-cdk")} == json.loads(
        recommended.read_text()
    )


def _cors_rule(template: Template, construct: str) -> Any:
    [bucket] = [b for name, b in template.properties("AWS::S3::Bucket").items() if name.startswith(construct)]
    [rule] = bucket["CorsConfiguration"]["CorsRules"]
    return rule


def _tables(template: Template) -> dict[str, Any]:
    return {name.removeprefix("Tables")[:-8]: p for name, p in template.properties("AWS::DynamoDB::Table").items()}


def _indexes(table: Any) -> dict[str, tuple[str, str]]:
    indexes = table.get("GlobalSecondaryIndexes", [])
    assert all(index["Projection"] == {"ProjectionType": "ALL"} for index in indexes)
    return {i["IndexName"]: (i["KeySchema"][0]["AttributeName"], i["KeySchema"][1]["AttributeName"]) for i in indexes}


def _denies_plain_http(template: Template, policy_type: str, resource_property: str, logical_id: str) -> bool:
    """Return whether a policy of the resource denies requests without TLS."""
    for policy in template.properties(policy_type).values():
        value = policy[resource_property]
        if {"Ref": logical_id} in (value if isinstance(value, list) else [value]):
            return any(
                statement["Effect"] == "Deny"
                and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
                for statement in policy["PolicyDocument"]["Statement"]
            )
    return False
