"""Emails through SES. Needed actions: ses:SendEmail from the address of the sender, and ses:GetAccount."""

from botocore.exceptions import ClientError

from holdall.platform import aws
from holdall.platform.config import settings


def send(to: str, subject: str, text: str, html: str) -> None:
    """Send an email. Raises ServiceUnavailable, and ClientError if SES rejects the email."""
    body = {"Text": {"Data": text, "Charset": "UTF-8"}, "Html": {"Data": html, "Charset": "UTF-8"}}
    with aws.translate_aws_errors():
        aws.client("sesv2").send_email(
            FromEmailAddress=settings().mail_sender,
            Destination={"ToAddresses": [to]},
            Content={"Simple": {"Subject": {"Data": subject, "Charset": "UTF-8"}, "Body": body}},
        )


def is_in_sandbox() -> bool | None:
    """Return whether SES sends only to verified addresses, or None if it does not tell. Raises ServiceUnavailable."""
    try:
        with aws.translate_aws_errors():
            response = aws.client("sesv2").get_account()
    except ClientError:
        return None
    return not response.get("ProductionAccessEnabled", False)
