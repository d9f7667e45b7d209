"""What `make deploy` tells about the account before it deploys."""

import boto3
import pytest
from botocore.stub import Stubber

from infra.preflight import check_account
from infra.stage import Stage

_LIMIT = "get_account_settings"
_SENDER = {"mailSender": "holdall@example.com"}


def test_workers_that_take_more_than_half_of_the_concurrency_are_reported() -> None:
    reported = {limit: _check(Stage.load("cloud"), limit=limit)[0] for limit in (10, 15, 16, 1000)}

    for limit, concurrency in reported.items():
        assert f"runs {limit} functions at once, and the workers of this stage take up to 8" in concurrency
    assert {limit for limit, concurrency in reported.items() if "L-B99A9384" in concurrency} == {10, 15}


@pytest.mark.parametrize(
    ("account", "reported"),
    [
        ({"SendingEnabled": True, "ProductionAccessEnabled": False}, "sandbox"),
        ({"SendingEnabled": False, "ProductionAccessEnabled": True}, "paused"),
        ({"SendingEnabled": True, "ProductionAccessEnabled": True}, "50000 emails a day, 14 a second"),
    ],
)
def test_limits_of_ses_are_reported(account: dict[str, bool], reported: str) -> None:
    _, mail = _check(Stage.load("cloud", overrides=_SENDER), account=account)

    assert reported in mail


def test_stage_without_a_sender_asks_ses_nothing() -> None:
    _, mail = _check(Stage.load("cloud"))

    assert "mailSender is empty" in mail


def test_deployment_goes_on_without_the_right_to_read_limits() -> None:
    concurrency, mail = _check(Stage.load("cloud", overrides=_SENDER), limit=None, account=None)

    assert concurrency.startswith("Concurrency: not checked.")
    assert mail.startswith("Mail: not checked.")
    assert "AccessDenied" in concurrency


@pytest.mark.parametrize(
    ("error", "reported"),
    [(None, "its credentials are"), ("ParameterNotFound", "does not exist"), ("AccessDenied", "not checked")],
)
def test_missing_credentials_of_the_edge_store_are_reported(error: str | None, reported: str) -> None:
    names = ("endpoint", "publicEndpoint")
    store = {**dict.fromkeys(names, "https://minio.example.com"), "bucket": "holdall", "region": "us-east-1"}
    store |= {"deleteAfterSync": "off", "syncSchedule": "cron(0 0 * * ? *)"}

    *_, edge = _check(Stage.load("cloud", overrides={"edgeStore": store}), edge_error=error)

    assert edge.startswith("Edge store: ")
    assert reported in edge


def _check(
    stage: Stage,
    *,
    limit: int | None = 1000,
    account: dict[str, bool] | None = None,
    edge_error: str | None = None,
) -> list[str]:
    """Check an account of these limits. None: the caller may not read them."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    lambda_client, ses_client, ssm_client = session.client("lambda"), session.client("sesv2"), session.client("ssm")
    with Stubber(lambda_client) as stub_lambda, Stubber(ses_client) as stub_ses, Stubber(ssm_client) as stub_ssm:
        if edge_error:
            stub_ssm.add_client_error("get_parameter", edge_error)
        else:
            stub_ssm.add_response("get_parameter", {}, {"Name": "/Holdall/edge-credentials"})
        if limit is None:
            stub_lambda.add_client_error(_LIMIT, "AccessDenied")
        else:
            stub_lambda.add_response(_LIMIT, {"AccountLimit": {"ConcurrentExecutions": limit}})
        if account is None:
            stub_ses.add_client_error("get_account", "AccessDenied")
        else:
            quota = {"Max24HourSend": 50000.0, "MaxSendRate": 14.0}
            stub_ses.add_response("get_account", {**account, "SendQuota": quota})
        return list(check_account(stage, lambda_client, ses_client, ssm_client))
