"""What `make deploy` finds out before it deploys: the limits of the account, and what the operator has to put there."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.stage import Stage

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def check_account(stage: Stage, lambda_client: "LambdaClient", ses_client: Any, ssm_client: Any) -> Iterator[str]:
    """Yield a sentence for each limit of the account. What the caller may not read is no reason to stop."""
    yield _or_reason("Concurrency", lambda: _describe_concurrency(stage, lambda_client))
    yield _or_reason("Mail", lambda: _describe_mail(stage, ses_client))
    if stage.edge_store is not None:
        yield _or_reason("Edge store", lambda: _describe_edge_credentials(stage, ssm_client))


def _describe_concurrency(stage: Stage, client: "LambdaClient") -> str:
    limit = client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    workers = stage.ingest_workers + stage.image_workers + stage.maintenance_workers + stage.mail_workers
    sentence = f"the account runs {limit} functions at once, and the workers of this stage take up to {workers}"
    if workers * 2 <= limit:
        return f"{sentence}."
    return (
        f"{sentence}, so under load less than half remains for requests, and some fail. "
        "Ask AWS for more: Service Quotas, Lambda, Concurrent executions (L-B99A9384)."
    )


def _describe_mail(stage: Stage, client: Any) -> str:
    if not stage.mail_sender:
        return "none is sent, because mailSender is empty. No one can be invited or reset a password."
    account = client.get_account()
    if not account["SendingEnabled"]:
        return "SES has paused the account, and its console says why."
    if not account["ProductionAccessEnabled"]:
        return "SES is in the sandbox and sends to verified addresses only. Request production access before you open signUp."
    quota = account["SendQuota"]
    return f"SES sends {quota['Max24HourSend']:.0f} emails a day, {quota['MaxSendRate']:.0f} a second."


def _describe_edge_credentials(stage: Stage, client: Any) -> str:
    name = f"{stage.parameter_prefix}/edge-credentials"
    try:
        client.get_parameter(Name=name)
    except client.exceptions.ParameterNotFound:
        return (
            f"the parameter {name} does not exist, so projects cannot use the store yet. docs/edge.md says what it has."
        )
    return f"its credentials are the parameter {name}."


def _or_reason(subject: str, describe: Callable[[], str]) -> str:
    try:
        return f"{subject}: {describe()}"
    except (BotoCoreError, ClientError) as error:
        return f"{subject}: not checked. {error}"
