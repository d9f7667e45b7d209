"""The stack: the parts, and who is told about whom.

The order is the story: tables and queues; the API without its routes; the distribution in front of it; the originals,
which let the distribution's pages in; the functions, which are told all of that; at last what leads to them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws, CfnOutput, Stack
from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.build.assets import Assets
from infra.catalog import Resource
from infra.constructs.alarms import Alarms
from infra.constructs.api import Api
from infra.constructs.buckets import Exports, Originals, Variants
from infra.constructs.console import Console
from infra.constructs.distribution import Distribution
from infra.constructs.environment import Resources, environment, parameter_prefix
from infra.constructs.event_sources import EventSourceMappings
from infra.constructs.functions import Functions
from infra.constructs.queues import Queues
from infra.constructs.schedules import Schedules
from infra.constructs.tables import Tables
from infra.stage import Stage


class HoldallStack(Stack):
    """All of Holdall, for one stage."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, assets: Assets, **options: Any) -> None:
        super().__init__(scope, construct_id, description=f"Holdall, stage {stage.name}", **options)
        tables, queues = Tables(self, "Tables"), Queues(self, "Queues")
        variants = Variants(self, "Variants")
        api = Api(self, "HttpApi", stage=stage)
        console = Console(self, "Console", stage=stage, publisher_code=assets.publisher)
        edge = Distribution(self, "Cdn", stage=stage, api=api.api, console=console.bucket, variants=variants.bucket)
        origins = (edge.public_url, *stage.allowed_origins)
        originals = Originals(
            self, "Originals", allowed_origins=origins, objects_queue=queues.queues[Resource.OBJECTS_QUEUE]
        )
        exports = (
            Exports(self, "Exports", retention_days=stage.audit_export_days)
            if stage.is_enabled("audit_export")
            else None
        )
        parts = Resources(tables, queues, originals, variants, exports)
        functions = Functions(
            self,
            "Functions",
            stage=stage,
            assets=assets,
            resources=_resource_arns(parts, parameter_prefix(stage)),
            environment=environment(stage, parts, public_url=edge.public_url, origins=origins),
        )
        if stage.mail_sender:
            ses.EmailIdentity(self, "EmailIdentity", identity=ses.Identity.email(stage.mail_sender))
        api.add_routes(functions.functions)
        EventSourceMappings(self, "EventSourceMappings", stage=stage, queues=queues, functions=functions.functions)
        Schedules(self, "Schedules", stage=stage, functions=functions.functions)
        Alarms(self, "Alarms", stage=stage, queues=queues, api=api.api, log_groups=functions.log_groups)
        self._add_outputs(stage, parts, edge, api, functions)

    def _add_outputs(
        self, stage: Stage, resources: Resources, edge: Distribution, api: Api, functions: Functions
    ) -> None:
        direct = stage.api_url.format(apiId=api.api.api_id, region=Aws.REGION, port=stage.port)
        told = {
            "ConsoleUrl": f"{edge.public_url}/",
            "ApiUrl": f"{edge.public_url}/api/v1",
            "DocsUrl": f"{edge.public_url}/api/v1/docs",
            "DirectApiUrl": f"{direct}/api/v1",
            "MainTable": resources.tables.main.table_name,
            "CredentialsTable": resources.tables.credentials.table_name,
            "AuditTable": resources.tables.audit.table_name,
            "EphemeralTable": resources.tables.ephemeral.table_name,
            "OriginalsBucket": resources.originals.bucket.bucket_name,
            "VariantsBucket": resources.variants.bucket.bucket_name,
        }
        if resources.exports:
            told["ExportsBucket"] = resources.exports.bucket.bucket_name
        for resource, queue in resources.queues.queues.items():
            name = resource.split("-")[0].capitalize()
            told[f"{name}Queue"] = queue.queue_url
            told[f"{name}DeadLetterQueue"] = resources.queues.dead_letter_queues[resource].queue_url
        for name, function in functions.functions.items():
            told[f"{name.capitalize()}Function"] = function.function_name
            told[f"{name.capitalize()}Role"] = function.role.role_arn if function.role else ""
        for output, value in told.items():
            CfnOutput(self, output, value=value)


def _resource_arns(resources: Resources, prefix: str) -> Mapping[Resource, Sequence[str]]:
    """What the catalogue's words stand for."""
    tables, originals, variants = resources.tables, resources.originals.bucket, resources.variants.bucket
    return {
        Resource.MAIN: [tables.main.table_arn],
        # Each by its name: `index/*` would open indexes that nobody has thought of yet.
        Resource.MAIN_INDEXES: [f"{tables.main.table_arn}/index/{index}" for index in ("gsi1", "gsi2", "gsi3")],
        Resource.AUDIT_INDEXES: [
            f"{tables.audit.table_arn}/index/{index}" for index in ("by-actor", "by-target", "by-action", "by-time")
        ],
        Resource.CREDENTIALS: [tables.credentials.table_arn],
        Resource.AUDIT: [tables.audit.table_arn],
        Resource.EPHEMERAL: [tables.ephemeral.table_arn],
        Resource.ORIGINALS: [originals.bucket_arn],
        Resource.ORIGINALS_OBJECTS: [originals.arn_for_objects("*")],
        Resource.VARIANTS: [variants.bucket_arn],
        Resource.EXPORTS_OBJECTS: [resources.exports.bucket.arn_for_objects("*")] if resources.exports else [],
        Resource.VARIANTS_OBJECTS: [variants.arn_for_objects("media/*"), variants.arn_for_objects("private/*")],
        **{resource: [queue.queue_arn] for resource, queue in resources.queues.queues.items()},
        Resource.SES_IDENTITIES: ["*"],
        Resource.SES_ACCOUNT: ["*"],
        Resource.PARAMETERS: [f"arn:{Aws.PARTITION}:ssm:{Aws.REGION}:{Aws.ACCOUNT_ID}:parameter{prefix}/*"],
    }
