"""Links that sign a browser in once, for `make demo`.

They need nothing of the stack: the link carries what finishes a sign-in with a second factor, a token and a recovery code. Each
works once, the token for five minutes, and only their digests are stored. The page that exchanges them is put into the bucket
of the local cloud by this module, so no deployment has it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pyotp import TOTP

from infra.local.cloud import LocalCloud
from infra.local.progress import UserError

PAGE_DIR = Path(__file__).with_name("sign_in_page")
_CONTENT_TYPES = {"sign-in.html": "text/html; charset=utf-8", "sign-in.js": "text/javascript; charset=utf-8"}

Request = Callable[[str, str, Mapping[str, Any] | None], Any]  # method, path and body; returns `data` of the response


def create(cloud: LocalCloud, request: Request, credentials: Mapping[str, str], next_path: str) -> str:
    """Return a link that signs an account in and leads to a path of the console. Raises UserError.

    `request` sends the requests of the account, which must have signed in a moment ago. `credentials` are its email address and
    password. The link takes away the second factor that this function sets up.
    """
    _publish_page(cloud)
    seed = request("POST", "/auth/2fa/setup", None)["secret"]
    recovery_code = request("POST", "/auth/2fa/enable", {"code": TOTP(seed).now()})["recoveryCodes"][0]
    mfa_token = request("POST", "/auth/login", credentials)["mfaToken"]
    page = f"{cloud.outputs()['ConsoleUrl']}local/sign-in.html"
    return f"{page}?next={quote(next_path, safe='')}#{mfa_token}.{recovery_code}"


def _publish_page(cloud: LocalCloud) -> None:
    s3, bucket = cloud.client("s3"), _console_bucket(cloud)
    for name, content_type in _CONTENT_TYPES.items():
        body = (PAGE_DIR / name).read_bytes()
        s3.put_object(Bucket=bucket, Key=f"local/{name}", Body=body, ContentType=content_type, CacheControl="no-cache")


def _console_bucket(cloud: LocalCloud) -> str:
    """Return the bucket of the console, which no output of the stack names."""
    stack = cloud.deployment.find_stack()
    if stack is None:
        raise UserError("The local cloud is not running. Start it: make up")
    resources = cloud.client("cloudformation").describe_stack_resources(StackName=stack.id)["StackResources"]
    return next(
        str(each["PhysicalResourceId"])
        for each in resources
        if each["ResourceType"] == "AWS::S3::Bucket" and each["LogicalResourceId"].startswith("Console")
    )
