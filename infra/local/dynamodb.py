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

from infra.local import debian, install
from infra.local.process import Server
from infra.local.progress import Step, Trouble

_POM = install.ROOT / "requirements" / "dynamodb-local.xml"
_SUMS = install.ROOT / "requirements" / "dynamodb-local.sha256"
_FETCHED = install.ROOT / ".local" / "dynamodb"
_JARS = _FETCHED / "lib"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_LOOPBACK = Path(__file__).with_name("Loopback.java")
_JAVA = 17  # what DynamoDB Local 3 is compiled for


@dataclass
class DynamoDBLocal(Server):
    """All in memory: it ends with the process."""

    name = "DynamoDB Local"

    def start(self) -> None:
        """Start it empty, on 127.0.0.1 alone; fetch it first where it is not there. Raises Trouble."""
        ensure()
        libraries = [f"-Djava.library.path={_JARS}", "--class-path", f"{_JARS}/*"]
        command = ["java", *libraries, str(_LOOPBACK), str(self.port)]
        self.launch(command, {"PATH": os.environ["PATH"]}, patience=60)

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

    def answers(self) -> bool:
        """Whether it is ready."""
        try:
            self.client().list_tables()
        except (BotoCoreError, ClientError):
            return False
        return True


def ensure() -> None:
    """A Java, and the server's jars below `.local/dynamodb`, fetched by Maven and compared with our list. Raises Trouble."""
    if not _has_java():
        debian.install("Java", "default-jdk-headless")
    if not _has_java():
        raise Trouble(
            f"DynamoDB Local needs a JDK of Java {_JAVA} or newer, and there is none on the PATH. "
            "Install one (on Debian and Ubuntu: apt-get install default-jdk-headless), then say it again."
        )
    stamp, wanted = _FETCHED / ".stamp", hashlib.sha256(_POM.read_bytes() + _SUMS.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    if shutil.which("mvn") is None:
        debian.install("Maven", "maven")
    if shutil.which("mvn") is None:
        raise Trouble(
            "DynamoDB Local comes by Maven, and there is no mvn on the PATH. "
            "Install Maven (on Debian and Ubuntu: apt-get install maven), then say it again."
        )
    with Step("Fetching DynamoDB Local"):
        shutil.rmtree(_FETCHED, ignore_errors=True)
        _fetch()
        stamp.write_text(wanted)


def not_as_listed(folder: Path, sums: Path) -> list[str]:
    """The files of a folder that are not what a list of SHA-256 sums says, those that are missing and those too many."""
    listed = {name: digest for digest, name in (line.split() for line in sums.read_text().splitlines())}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    return sorted({name for name, _ in listed.items() ^ found.items()})


def _has_java() -> bool:
    """Whether there is one that is new enough, with the compiler that runs a source file."""
    if shutil.which("java") is None:
        return False
    told = subprocess.run(["java", "--list-modules"], capture_output=True, text=True, check=False).stdout
    compiler = re.search(r"^jdk\.compiler@(\d+)", told, re.MULTILINE)
    return compiler is not None and int(compiler[1]) >= _JAVA


def _fetch() -> None:
    command = ["mvn", "--batch-mode", "--no-transfer-progress", "--file", str(_POM), _COPY]
    done = subprocess.run(
        [*command, f"-DoutputDirectory={_JARS}"], cwd=install.ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Trouble(f"Maven could not fetch DynamoDB Local:\n{done.stdout.strip()[-1500:]}")
    if wrong := not_as_listed(_JARS, _SUMS):
        raise Trouble(
            f"What Maven fetched is not what requirements/{_SUMS.name} lists: {', '.join(wrong)}. "
            "Nothing of it was run. Ask why before you change the list."
        )
