"""The stack.

The order of the constructs follows their dependencies: tables and queues; the API without its routes; the distribution in
front of it; the originals bucket, whose CORS rules name the distribution; the functions, whose environment names all of
these; at last the routes, queues and schedules that call the functions.
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
from infra.constructs.budget import Budget
from infra.constructs.console import Console
from infra.constructs.distribution import Distribution
from infra.constructs.environment import environment
from infra.constructs.event_sources import EventSourceMappings
from infra.constructs.functions import Functions
from infra.constructs.queues import Queues
from infra.constructs.schedules import Schedules
from infra.constructs.tables import AUDIT_INDEXES, MAIN_INDEXES, Tables
from infra.stage import Stage


class HoldallStack(Stack):
    """All of Holdall, for one stage."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, assets: Assets, **options: Any) -> None:
        super().__init__(scope, construct_id, description=f"Holdall, stage {stage.name}", **options)
        self._stage = stage
        self._tables, self._queues = Tables(self, "Tables"), Queues(self, "Queues")
        self._variants = Variants(self, "Variants")
        api = Api(self, "HttpApi", stage=stage)
        console = Console(self, "Console", stage=stage, publisher_code=assets.publisher)
        self._cdn = Distribution(
            self, "Cdn", stage=stage, api=api.api, console=console.bucket, variants=self._variants.bucket
        )
        origins = (self._cdn.public_url, *stage.allowed_origins)
        self._originals = Originals(
            self, "Originals", allowed_origins=origins, objects_queue=self._queues.queues[Resource.OBJECTS_QUEUE]
        )
        self._exports = self._create_exports()
        functions = Functions(
            self,
            "Functions",
            stage=stage,
            assets=assets,
            resources=self._resource_arns(),
            environment=environment(
                stage,
                tables=self._tables,
                queues=self._queues,
                originals=self._originals,
                variants=self._variants,
                exports=self._exports,
                public_url=self._cdn.public_url,
                origins=origins,
            ),
        )
        self._add_email_identity()
        api.add_routes(functions.aliases)
        EventSourceMappings(self, "EventSourceMappings", stage=stage, queues=self._queues, functions=functions.aliases)
        Schedules(self, "Schedules", stage=stage, functions=functions.aliases)
        self._add_alarms(api, functions)
        self._add_outputs(api, functions)

    def _create_exports(self) -> Exports | None:
        if not self._stage.is_enabled("audit_export"):
            return None
        return Exports(self, "Exports", retention_days=self._stage.audit_export_days)

    def _add_email_identity(self) -> None:
        """Create the identity of the sender, if the stage asks for it: SES has one of each name in an account and region."""
        sender = self._stage.mail_sender
        if self._stage.mail_identity == "address":
            ses.EmailIdentity(self, "EmailIdentity", identity=ses.Identity.email(sender))
        elif self._stage.mail_identity == "domain":
            domain = ses.Identity.domain(sender.rpartition("@")[2])
            identity = ses.EmailIdentity(self, "EmailIdentity", identity=domain)
            for number, record in enumerate(identity.dkim_records, start=1):
                CfnOutput(self, f"DkimRecord{number}", value=f"{record.name} CNAME {record.value}")

    def _add_alarms(self, api: Api, functions: Functions) -> None:
        Alarms(self, "Alarms", stage=self._stage, queues=self._queues, api=api.api, log_groups=functions.log_groups)
        if self._stage.alarm_email:
            Budget(self, "Budget", email=self._stage.alarm_email, dollars=self._stage.monthly_budget)

    def _add_outputs(self, api: Api, functions: Functions) -> None:
        public_url = self._cdn.public_url
        api_url = self._stage.api_url.format(apiId=api.api.api_id, region=Aws.REGION, port=self._stage.port)
        outputs = {
            "ConsoleUrl": f"{public_url}/",
            "CloudFrontDomain": self._cdn.domain,
            "ApiUrl": f"{public_url}/api/v1",
            "DocsUrl": f"{public_url}/api/v1/docs",
            "DirectApiUrl": f"{api_url}/api/v1",
            "MainTable": self._tables.main.table_name,
            "CredentialsTable": self._tables.credentials.table_name,
            "AuditTable": self._tables.audit.table_name,
            "EphemeralTable": self._tables.ephemeral.table_name,
            "OriginalsBucket": self._originals.bucket.bucket_name,
            "VariantsBucket": self._variants.bucket.bucket_name,
        }
        if self._exports:
            outputs["ExportsBucket"] = self._exports.bucket.bucket_name
        for resource, queue in self._queues.queues.items():
            name = resource.split("-")[0].capitalize()
            outputs[f"{name}Queue"] = queue.queue_url
            outputs[f"{name}DeadLetterQueue"] = self._queues.dead_letter_queues[resource].queue_url
        for name, function in functions.aliases.items():
            outputs[f"{name.capitalize()}Function"] = function.function_name
            outputs[f"{name.capitalize()}Role"] = function.role.role_arn if function.role else ""
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)

    def _resource_arns(self) -> Mapping[Resource, Sequence[str]]:
        tables, originals, variants = self._tables, self._originals.bucket, self._variants.bucket
        parameters = f"arn:{Aws.PARTITION}:ssm:{Aws.REGION}:{Aws.ACCOUNT_ID}:parameter{self._stage.parameter_prefix}"
        return {
            Resource.MAIN: [tables.main.table_arn],
            # By name, because `index/*` would also allow every index that is added later.
            Resource.MAIN_INDEXES: [f"{tables.main.table_arn}/index/{name}" for name in MAIN_INDEXES],
            Resource.AUDIT_INDEXES: [f"{tables.audit.table_arn}/index/{name}" for name in AUDIT_INDEXES],
            Resource.CREDENTIALS: [tables.credentials.table_arn],
            Resource.AUDIT: [tables.audit.table_arn],
            Resource.EPHEMERAL: [tables.ephemeral.table_arn],
            Resource.ORIGINALS: [originals.bucket_arn],
            Resource.ORIGINALS_OBJECTS: [originals.arn_for_objects("*")],
            Resource.ORIGINAL_IMAGES: [originals.arn_for_objects("*/images/original/*")],
            Resource.VARIANTS: [variants.bucket_arn],
            Resource.VARIANTS_OBJECTS: [variants.arn_for_objects("media/*"), variants.arn_for_objects("private/*")],
            Resource.EXPORTS_OBJECTS: [self._exports.bucket.arn_for_objects("*")] if self._exports else [],
            **{resource: [queue.queue_arn] for resource, queue in self._queues.queues.items()},
            Resource.IMAGES_DEAD_LETTERS: [self._queues.dead_letter_queues[Resource.IMAGES_QUEUE].queue_arn],
            Resource.WORK_DEAD_LETTERS: [self._queues.dead_letter_queues[Resource.WORK_QUEUE].queue_arn],
            Resource.SES_IDENTITIES: ["*"],
            Resource.SES_ACCOUNT: ["*"],
            Resource.PARAMETERS: [f"{parameters}/*"],
            Resource.SIGNING_KEYS: [f"{parameters}/signing-key-*"],
            Resource.EDGE_CREDENTIALS: [f"{parameters}/edge-credentials"],
        }
