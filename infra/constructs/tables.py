"""The four tables. The stores of `holdall` define what is in them."""

from collections.abc import Mapping

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

TTL_ATTRIBUTE = "ttl"  # Unix time in seconds; only deletes old rows, because every read compares the expiry itself
# Name of an index -> partition key and sort key.
MAIN_INDEXES = {"gsi1": ("gsi1pk", "gsi1sk"), "gsi2": ("gsi2pk", "gsi2sk"), "gsi3": ("gsi3pk", "gsi3sk")}
AUDIT_INDEXES = {
    "by-actor": ("actor", "sk"),
    "by-target": ("target", "sk"),
    "by-action": ("gsi_action_pk", "sk"),
    "by-time": ("gsi_time_pk", "sk"),
}


class Tables(Construct):
    """`dynamodb.Table` and not `TableV2`, because no change of a property may replace a table."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.main = self._create_table(
            "Main", has_ttl=True, stream=dynamodb.StreamViewType.NEW_IMAGE, indexes=MAIN_INDEXES
        )
        self.credentials = self._create_table("Credentials", has_ttl=True)
        self.audit = self._create_table("Audit", indexes=AUDIT_INDEXES)
        self.ephemeral = self._create_table("Ephemeral", has_ttl=True)

    def _create_table(
        self,
        name: str,
        *,
        has_ttl: bool = False,
        stream: dynamodb.StreamViewType | None = None,
        indexes: Mapping[str, tuple[str, str]] | None = None,
    ) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            name,
            partition_key=_string_attribute("pk"),
            sort_key=_string_attribute("sk"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=TTL_ATTRIBUTE if has_ttl else None,
            stream=stream,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        for index, (partition_key, sort_key) in (indexes or {}).items():
            table.add_global_secondary_index(
                index_name=index,
                partition_key=_string_attribute(partition_key),
                sort_key=_string_attribute(sort_key),
                projection_type=dynamodb.ProjectionType.ALL,
            )
        return table


def _string_attribute(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
