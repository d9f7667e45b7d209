"""Who imports whom: every arrow between modules is one that the table allows."""

import pytest

from tests.architecture.import_rules import CAPABILITIES, RULES_BY_KIND, RULES_BY_MODULE, find_violations
from tests.support.source_tree import Module, load_modules

_MODULES = load_modules("holdall", "functions", "infra")
_KNOWN_MODULES = _MODULES[0].known_modules


def test_no_import_goes_where_it_may_not() -> None:
    found = [each for module in _MODULES for each in find_violations(module)]

    assert not found, "\n".join(found)


def test_every_file_of_a_capability_has_a_row() -> None:
    parts = [module.name.split(".") for module in _MODULES if module.name.startswith("holdall.")]
    files = {f"{part[1]}.{part[2]}" for part in parts if part[1] in CAPABILITIES and len(part) > 2}

    assert {each for each in files if each.split(".")[1] not in RULES_BY_KIND} <= set(RULES_BY_MODULE)


@pytest.mark.parametrize(
    ("module_name", "source"),
    [
        ("functions.files.files", "from functions.upload import uploads"),
        ("functions.files.files", "from holdall.files import store"),
        ("functions.files.files", "import pynamodb"),
        ("functions.files.files", "import boto3"),
        ("functions.files.files", "from holdall.platform.table import Transaction"),
        ("functions.files.files", "from PIL import Image"),
        ("functions.files.files", "def late():\n    import boto3"),
        ("functions.files.files", "import importlib\nimportlib.import_module('functions.auth.handler')"),
        ("holdall.files.service", "from holdall.http import DataResponse"),
        ("holdall.files.service", "from holdall.projects import store"),
        ("holdall.files.service", "from holdall.quotas.store import QuotaRecord"),
        ("holdall.files.service", "from holdall.platform.table import Record"),
        ("holdall.files.service", "from holdall.platform.table.records import connection"),
        ("holdall.files.service", "from holdall import aws"),
        ("holdall.files.service", "import botocore"),
        ("holdall.files.service", "from holdall.uploads import service"),
        ("holdall.files.service", "import functions.files.handler"),
        ("holdall.audit.service", "from holdall.events import service"),
        ("holdall.variants.service", "from holdall.shares import service"),
        ("holdall.iam.service.sessions", "from holdall.accounts.model import LoginRequest"),
        ("holdall.files.store", "from holdall.files import service"),
        ("holdall.files.store", "from holdall import storage"),
        ("holdall.files.store", "from holdall.projects.model import Project"),
        ("holdall.files.store", "from pynamodb.models import Model"),
        ("holdall.files.store", "import boto3"),
        ("holdall.files.model", "from holdall.files import store"),
        ("holdall.files.model", "from holdall import config"),
        ("holdall.files.model", "from holdall.uploads.model import Upload"),
        ("holdall.files.thumbnails", "from holdall import clock"),
        ("holdall.files", "from holdall.files import service"),
        ("holdall.platform.storage", "from holdall.files import service"),
        ("holdall.platform.table.records", "from holdall.audit.model import AuditEntry"),
        ("holdall.platform.table.records", "from aws_lambda_powertools.event_handler import Response"),
        ("holdall.http.app", "from holdall.iam import store"),
        ("holdall.http.app", "from holdall.files import service"),
        ("holdall.http.app", "from holdall.platform.table import Transaction"),
        ("holdall.platform.observability", "from aws_lambda_powertools.event_handler import Response"),
        ("holdall.accounts.service", "import argon2"),
        ("holdall.iam.service.sessions", "import argon2"),
        ("holdall.iam.service.sessions", "import jwt"),
        ("holdall.unlisted", "import pydantic"),
        ("infra.stack", "from holdall.platform.config import Settings"),
        ("infra.stack", "import functions.files.handler"),
        ("infra.build.openapi", "from holdall.files import service"),
        ("holdall.files.service", "import os\nos.environ['STAGE']"),
        ("holdall.files.service", "from os import getenv\ngetenv('STAGE')"),
        ("holdall.files.service", "from datetime import datetime\ndatetime.now()"),
        ("holdall.files.service", "import datetime as d\nd.date.today()"),
        ("functions.files.files", "import time\ntime.time()"),
        ("holdall.files.service", "import random"),
        ("holdall.files.service", "import secrets"),
        ("holdall.files.service", "from uuid import uuid4"),
        ("holdall.files.service", "import os\nos.urandom(16)"),
    ],
)
def test_each_wrong_arrow_is_found(room: str, source: str) -> None:
    assert find_violations(Module(room, source, _KNOWN_MODULES | {"holdall.shares.service"}))


@pytest.mark.parametrize(
    ("module_name", "source"),
    [
        ("functions.files.files", "from functions.files import health\nfrom holdall.files import service"),
        ("functions.imageproc.render", "from PIL import Image"),
        (
            "holdall.uploads.service",
            "from holdall.files import service as files\nfrom holdall.platform.table import BatchGet",
        ),
        (
            "holdall.files.store",
            "from holdall.platform.table import Record, GSI1\nfrom pynamodb.attributes import MapAttribute",
        ),
        ("holdall.shares.model", "from holdall.files.model import File\nfrom pydantic import Field"),
        ("holdall.files.service", "import time\ntime.monotonic()"),
        ("holdall.platform.config", "import os\nos.environ['STAGE']"),
        ("infra.build.openapi", "import importlib\nimportlib.import_module(f'functions.{1}.handler')"),
    ],
)
def test_right_arrows_pass(room: str, source: str) -> None:
    assert find_violations(Module(room, source, _KNOWN_MODULES)) == []
