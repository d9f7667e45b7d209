"""Tables, buckets and queues: what keeps the data, and what keeps strangers out."""

from typing import Any

from infra.catalog import FUNCTIONS
from infra.stage import Stage
from tests.infra.template import Template, format_arn

_KEY_SCHEMA = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]


def test_the_four_tables_have_their_keys_and_indexes(cloud_template: Template) -> None:
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
        "by-actor": ("actor", "gsi_sk"),
        "by-target": ("target", "gsi_sk"),
        "by-action": ("action", "gsi_sk"),
        "by-time": ("gsi_time_pk", "gsi_sk"),
    }
    assert not _indexes(tables["Credentials"])
    assert not _indexes(tables["Ephemeral"])


def test_tables_outlive_the_stack_and_a_mistake(cloud_template: Template) -> None:
    resources = cloud_template.resources("AWS::DynamoDB::Table").values()

    assert len(resources) == 4
    for table in resources:
        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert table["Properties"]["DeletionProtectionEnabled"] is True
        assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_main_streams_and_short_lives_expire(cloud_template: Template) -> None:
    tables = _tables(cloud_template)

    assert tables["Main"]["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    expiring = {name for name, table in tables.items() if "TimeToLiveSpecification" in table}
    assert expiring == {"Main", "Ephemeral"}
    for name in expiring:
        assert tables[name]["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_buckets_are_private_encrypted_and_speak_tls(cloud_template: Template) -> None:
    buckets = cloud_template.properties("AWS::S3::Bucket")

    assert len(buckets) == 3
    for name, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert bucket["BucketEncryption"]
        assert _denies_plain_http(cloud_template, "AWS::S3::BucketPolicy", "Bucket", name)


def test_what_people_gave_us_stays_when_the_stack_goes(cloud_template: Template) -> None:
    buckets = cloud_template.resources("AWS::S3::Bucket")

    kept = {name for name, bucket in buckets.items() if bucket["DeletionPolicy"] == "Retain"}
    assert sorted(name[:8] for name in kept) == ["Original", "Variants"]


def test_originals_keep_every_version_and_forget_unfinished_parts(cloud_template: Template) -> None:
    [originals] = [
        b for name, b in cloud_template.properties("AWS::S3::Bucket").items() if name.startswith("Originals")
    ]

    assert originals["VersioningConfiguration"] == {"Status": "Enabled"}
    [rule] = originals["LifecycleConfiguration"]["Rules"]
    assert rule == {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}, "Status": "Enabled"}


def test_the_export_is_a_bucket_that_nobody_empties(template_with_export: Template) -> None:
    [(name, exports)] = [
        each for each in template_with_export.resources("AWS::S3::Bucket").items() if each[0].startswith("Exports")
    ]
    told = exports["Properties"]

    assert told["ObjectLockEnabled"] is True
    assert told["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 365}},
    }
    assert told["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(told["PublicAccessBlockConfiguration"].values()) == {True}
    assert (exports["DeletionPolicy"], exports["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert "LifecycleConfiguration" not in told
    assert _denies_plain_http(template_with_export, "AWS::S3::BucketPolicy", "Bucket", name)


def test_functions_are_told_of_the_export_where_there_is_one(
    cloud_template: Template, template_with_export: Template
) -> None:
    told = [
        {
            format_arn(function["Environment"]["Variables"]["AUDIT_EXPORT_BUCKET"])
            for function in one.functions().values()
        }
        for one in (cloud_template, template_with_export)
    ]

    assert told[0] == {""}
    assert [name.startswith("<ExportsBucket") for name in told[1]] == [True]
    assert not [name for name in cloud_template.resources("AWS::S3::Bucket") if name.startswith("Exports")]


def test_only_pages_of_ours_may_speak_to_originals(cloud_template: Template, local_template: Template) -> None:
    for template in (cloud_template, local_template):
        [originals] = [b for name, b in template.properties("AWS::S3::Bucket").items() if "CorsConfiguration" in b]
        [rule] = originals["CorsConfiguration"]["CorsRules"]
        assert "*" not in "".join(format_arn(origin) for origin in rule["AllowedOrigins"] if isinstance(origin, str))
        assert {"ETag", "Location"} <= set(rule["ExposedHeaders"])


def test_originals_tell_the_objects_queue_of_every_arrival(cloud_template: Template) -> None:
    [originals] = [
        b for n, b in cloud_template.properties("AWS::S3::Bucket").items() if "NotificationConfiguration" in b
    ]

    [told] = originals["NotificationConfiguration"]["QueueConfigurations"]
    assert told["Event"] == "s3:ObjectCreated:*"
    assert format_arn(told["Queue"]).startswith("<QueuesObjects")


def test_every_queue_has_a_dead_letter_queue_that_keeps_for_two_weeks(cloud_template: Template) -> None:
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


def test_a_message_stays_hidden_for_six_times_its_function(cloud_template: Template) -> None:
    mappings = cloud_template.properties("AWS::Lambda::EventSourceMapping").values()
    functions, queues = cloud_template.properties("AWS::Lambda::Function"), cloud_template.properties("AWS::SQS::Queue")

    assert len(mappings) == sum(function.queue is not None for function in FUNCTIONS)
    for mapping in mappings:
        timeout = functions[mapping["FunctionName"]["Ref"]]["Timeout"]
        queue = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        assert queue["VisibilityTimeout"] >= 6 * timeout
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_images_and_long_work_leave_the_api_calls_of_the_account(
    cloud_template: Template, local_template: Template, stages: dict[str, Stage]
) -> None:
    for template, stage in ((cloud_template, stages["cloud"]), (local_template, stages["local"])):
        bounds = {
            format_arn(mapping["EventSourceArn"])[len("<Queues") : -len("12345678>")]: mapping.get("ScalingConfig")
            for mapping in template.properties("AWS::Lambda::EventSourceMapping").values()
        }
        assert bounds == {
            "Images": {"MaximumConcurrency": stage.image_workers},
            "Work": {"MaximumConcurrency": stage.maintenance_workers},
            "Objects": None,
            "Mail": None,
        }


def _tables(template: Template) -> dict[str, Any]:
    return {name.removeprefix("Tables")[:-8]: p for name, p in template.properties("AWS::DynamoDB::Table").items()}


def _indexes(table: Any) -> dict[str, tuple[str, str]]:
    indexes = table.get("GlobalSecondaryIndexes", [])
    assert all(index["Projection"] == {"ProjectionType": "ALL"} for index in indexes)
    return {i["IndexName"]: (i["KeySchema"][0]["AttributeName"], i["KeySchema"][1]["AttributeName"]) for i in indexes}


def _denies_plain_http(template: Template, policy_type: str, resource_property: str, logical_id: str) -> bool:
    """Whether a policy of `kind` on the resource `name` refuses requests without TLS."""
    for policy in template.properties(policy_type).values():
        on = policy[resource_property] if isinstance(policy[resource_property], list) else [policy[resource_property]]
        if {"Ref": logical_id} in on:
            return any(
                statement["Effect"] == "Deny"
                and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
                for statement in policy["PolicyDocument"]["Statement"]
            )
    return False
