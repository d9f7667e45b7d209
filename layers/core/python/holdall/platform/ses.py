"""Emails through SES. Needed actions: ses:SendEmail from the address of the sender, and ses:GetAccount."""

from botocore.exceptions import ClientError

from holdall.platform import aws
from holdall.platform.config import settings

# The input is invalid, so SES would refuse the same email again (SES API v2 reference, SendEmail). MessageRejected is none of
# these: it is also the error for a sender that is not verified, and for recipients in the sandbox.
_PERMANENT_ERRORS = frozenset({"BadRequestException"})


class EmailRejected(Exception):
    """SES refuses this email for good, because its recipient or its content is invalid."""


def send(to: str, subject: str, text: str, html: str) -> None:
    """Send an email. Raises ServiceUnavailable, EmailRejected, and ClientError if the function may not send."""
    body = {"Text": {"Data": text, "Charset": "UTF-8"}, "Html": {"Data": html, "Charset": "UTF-8"}}
    try:
        with aws.translate_aws_errors():
            aws.client("sesv2").send_email(
                FromEmailAddress=settings().mail_sender,
                Destination={"ToAddresses": [to]},
                Content={"Simple": {"Subject": {"Data": subject, "Charset": "UTF-8"}, "Body": body}},
            )
    except ClientError as error:
        if aws.error_code(error) in _PERMANENT_ERRORS:
            raise EmailRejected from error
        raise


def is_in_sandbox() -> bool | None:
    """Return whether SES sends only to verified addresses, or None if it does not tell. Raises ServiceUnavailable."""
    try:
        with aws.translate_aws_errors():
            response = aws.client("sesv2").get_account()
    except ClientError:
        return None
    return not response.get("ProductionAccessEnabled", False)
