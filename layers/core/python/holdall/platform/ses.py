"""Mail leaves here: SES, in plain text and HTML. Needed action: ses:SendEmail from the sender's address alone."""

from botocore.exceptions import ClientError

from holdall.platform import aws
from holdall.platform.config import settings


def send(to: str, subject: str, text: str, html: str) -> None:
    """Send one letter. Raises Unavailable, and ClientError when SES refuses it for good."""
    body = {"Text": {"Data": text, "Charset": "UTF-8"}, "Html": {"Data": html, "Charset": "UTF-8"}}
    with aws.translate_aws_errors():
        aws.client("sesv2").send_email(
            FromEmailAddress=settings().mail_sender,
            Destination={"ToAddresses": [to]},
            Content={"Simple": {"Subject": {"Data": subject, "Charset": "UTF-8"}, "Body": body}},
        )


def is_in_sandbox() -> bool | None:
    """Whether SES sends to verified addresses only; None when it does not say."""
    try:
        with aws.translate_aws_errors():
            answer = aws.client("sesv2").get_account()
    except ClientError:
        return None
    return not answer.get("ProductionAccessEnabled", False)
