"""The functions of the catalogue, each with a role and a log group of its own."""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Duration, Fn, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.build.assets import Assets
from infra.catalog import FUNCTIONS, Function, Resource
from infra.constructs.findings import accept
from infra.stage import Stage

RUNTIME = lambda_.Runtime.PYTHON_3_14
ARCHITECTURE = lambda_.Architecture.ARM_64
# Why an action is not held to one resource.
_EVERYWHERE = {
    Resource.MAIL: "In its sandbox SES asks for rights on the receiver's identity too; a condition names the sender.",
    Resource.MAIL_ACCOUNT: "What SES tells of an account knows no resource.",
}


class Functions(Construct):
    """`made` and `log_groups` are by name of the function."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        assets: Assets,
        resources: Mapping[Resource, Sequence[str]],
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, name)
        # The resource of a letter is the identity that sends it, or its configuration set, or both: the sender is what counts.
        sender = {"StringEqualsIfExists": {"ses:FromAddress": stage.mail_sender}}
        self._conditions = {Resource.MAIL: sender}
        self._stage = stage
        self.made: dict[str, lambda_.Function] = {}
        self.log_groups: dict[str, logs.LogGroup] = {}
        layers = {layer: self._layer(layer, assets) for layer in assets.layers}
        for function in FUNCTIONS:
            group = log_group(self, f"{function.name.capitalize()}Logs", stage)
            self.log_groups[function.name] = group
            self.made[function.name] = lambda_.Function(
                self,
                function.name.capitalize(),
                description=function.purpose,
                runtime=RUNTIME,
                architecture=ARCHITECTURE,
                handler=f"functions.{function.name}.handler.handler",
                code=lambda_.Code.from_asset(str(assets.functions[function.name])),
                layers=[layers[layer] for layer in function.layers],
                memory_size=function.memory,
                timeout=Duration.seconds(function.timeout),
                role=self._role(function, group, resources),
                environment={**environment, "POWERTOOLS_SERVICE_NAME": function.name},
                log_group=group,
                logging_format=lambda_.LoggingFormat.JSON,
                tracing=lambda_.Tracing.ACTIVE,
            )

    def _layer(self, name: str, assets: Assets) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            f"{name.capitalize()}Layer",
            code=lambda_.Code.from_asset(
                str(assets.layers[name]),
                # What an editor or a test left beside our own code; fetched packages are compiled on purpose.
                exclude=["**/__pycache__"] if name == "core" else None,
            ),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
        )

    def _role(self, function: Function, group: logs.LogGroup, resources: Mapping[Resource, Sequence[str]]) -> iam.IRole:
        grants = [grant for grant in function.grants if self._stage.has(grant.switch)]
        statements = [
            iam.PolicyStatement(
                actions=list(grant.actions),
                resources=list(resources[grant.resource]),
                conditions=self._conditions.get(grant.resource),
            )
            for grant in grants
        ]
        role = role_with(self, f"{function.name.capitalize()}Role", group, statements)
        for grant in grants:
            for resource in resources[grant.resource]:
                if "*" in resource:
                    _accept_family(role, grant.resource, resource)
        # Whatever CDK would add to a role by itself is named here already, or is not wanted.
        return role.without_policy_updates()


def log_group(scope: Construct, name: str, stage: Stage) -> logs.LogGroup:
    """A log group that forgets after the stage's number of days."""
    group = logs.LogGroup(scope, name, removal_policy=RemovalPolicy.DESTROY)
    child = group.node.default_child
    if isinstance(child, logs.CfnLogGroup):
        child.retention_in_days = stage.log_retention_days
    return group


def role_with(scope: Construct, name: str, group: logs.LogGroup, statements: Sequence[iam.PolicyStatement]) -> iam.Role:
    """A Lambda's role with these statements, its own log group, and traces."""
    role = iam.Role(
        scope,
        name,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={
            "named": iam.PolicyDocument(
                statements=[
                    *statements,
                    iam.PolicyStatement(
                        actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[group.log_group_arn]
                    ),
                    iam.PolicyStatement(actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"]),
                ]
            )
        },
    )
    accept(role, "IAM5[Resource::*]", because="X-Ray's two actions know no resource.")
    return role


def stack_uuid() -> str:
    """The UUID at the end of the stack's id: known to whoever may describe the stack, and written in no template."""
    return Fn.select(2, Fn.split("/", Aws.STACK_ID))


def _accept_family(role: iam.Role, resource: Resource, arn: str) -> None:
    below = f"The names below {resource} are made at run time; the actions on them are named."
    accept(role, f"IAM5[Resource::{_as_nag_prints(role, arn)}]", because=_EVERYWHERE.get(resource, below))


def _as_nag_prints(role: iam.Role, arn: str) -> str:
    """An ARN as cdk-nag writes it in a finding: references in angle brackets."""
    resolved = role.stack.resolve(arn)
    if isinstance(resolved, str):
        return resolved
    return "".join(part if isinstance(part, str) else _reference(part) for part in resolved["Fn::Join"][1])


def _reference(part: Mapping[str, str | Sequence[str]]) -> str:
    [(function, target)] = part.items()
    if function == "Ref":
        return f"<{target}>"
    return f"<{'.'.join(target)}>"
