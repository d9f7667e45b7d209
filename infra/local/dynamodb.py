"""A DynamoDB Local: the judge of what a list costs, which the local cloud is not, as it walks whole partitions."""

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local import apt, install
from infra.local.process import Server
from infra.local.progress import Step, UserError

_POM = install.ROOT / "requirements" / "dynamodb-local.xml"
_CHECKSUMS = install.ROOT / "requirements" / "dynamodb-local.sha256"
_INSTALL_DIR = install.ROOT / ".local" / "dynamodb"
_JARS_DIR = _INSTALL_DIR / "lib"
_MAVEN_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_SERVER_SOURCE = Path(__file__).with_name("Loopback.java")
_MIN_JAVA_VERSION = 17  # what DynamoDB Local 3 is compiled for


@dataclass
class DynamoDBLocal(Server):
    """All in memory: it ends with the process."""

    name = "DynamoDB Local"

    def start(self) -> None:
        """Start it empty, on 127.0.0.1 alone; fetch it first where it is not there. Raises Trouble."""
        ensure()
        libraries = [f"-Djava.library.path={_JARS_DIR}", "--class-path", f"{_JARS_DIR}/*"]
        command = ["java", *libraries, str(_SERVER_SOURCE), str(self.port)]
        self.launch(command, {"PATH": os.environ["PATH"]}, timeout=60)

    def client(self) -> Any:
        """A boto3 client for it. Any credentials and any region find the same tables."""
        return boto3.client(
            "dynamodb",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  # it asks for some, and believes any
            config=Config(connect_timeout=2, read_timeout=20, retries={"total_max_attempts": 1}),
        )

    def is_ready(self) -> bool:
        """Whether it is ready."""
        try:
            self.client().list_tables()
        except (BotoCoreError, ClientError):
            return False
        return True


def ensure() -> None:
    """A Java, and the server's jars below `.local/dynamodb`, fetched by Maven and compared with our list. Raises Trouble."""
    if not _has_java():
        apt.install_packages("Java", "default-jdk-headless")
    if not _has_java():
        raise UserError(
            f"DynamoDB Local needs a JDK of Java {_MIN_JAVA_VERSION} or newer, and there is none on the PATH. "
            "Install one (on Debian and Ubuntu: apt-get install default-jdk-headless), then say it again."
        )
    stamp, wanted = _INSTALL_DIR / ".stamp", hashlib.sha256(_POM.read_bytes() + _CHECKSUMS.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    if shutil.which("mvn") is None:
        apt.install_packages("Maven", "maven")
    if shutil.which("mvn") is None:
        raise UserError(
            "DynamoDB Local comes by Maven, and there is no mvn on the PATH. "
            "Install Maven (on Debian and Ubuntu: apt-get install maven), then say it again."
        )
    with Step("Fetching DynamoDB Local"):
        shutil.rmtree(_INSTALL_DIR, ignore_errors=True)
        _download()
        stamp.write_text(wanted)


def find_mismatches(folder: Path, checksums: Path) -> list[str]:
    """The files of a folder that are not what a list of SHA-256 sums says, those that are missing and those too many."""
    listed = {name: digest for digest, name in (line.split() for line in checksums.read_text().splitlines())}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    return sorted({name for name, _ in listed.items() ^ found.items()})


def _has_java() -> bool:
    """Whether there is one that is new enough, with the compiler that runs a source file."""
    if shutil.which("java") is None:
        return False
    told = subprocess.run(["java", "--list-modules"], capture_output=True, text=True, check=False).stdout
    compiler = re.search(r"^jdk\.compiler@(\d+)", told, re.MULTILINE)
    return compiler is not None and int(compiler[1]) >= _MIN_JAVA_VERSION


def _download() -> None:
    command = ["mvn", "--batch-mode", "--no-transfer-progress", "--file", str(_POM), _MAVEN_GOAL]
    done = subprocess.run(
        [*command, f"-DoutputDirectory={_JARS_DIR}"], cwd=install.ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UserError(f"Maven could not fetch DynamoDB Local:\n{done.stdout.strip()[-1500:]}")
    if wrong := find_mismatches(_JARS_DIR, _CHECKSUMS):
        raise UserError(
            f"What Maven fetched is not what requirements/{_CHECKSUMS.name} lists: {', '.join(wrong)}. "
            "Nothing of it was run. Ask why before you change the list."
        )
