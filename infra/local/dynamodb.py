"""DynamoDB Local: measures what a list costs. MiniStack cannot, because it reads whole partitions."""

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

from infra import cache
from infra.local import apt, install
from infra.local.process import Server
from infra.local.progress import Step, UserError

CHECKSUMS = install.ROOT / "requirements" / "dynamodb-local.sha256"
_POM = install.ROOT / "requirements" / "dynamodb-local.xml"
_MAVEN_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_SERVER_SOURCE = Path(__file__).with_name("Loopback.java")
_MIN_JAVA_VERSION = 17  # the version that DynamoDB Local 3 is compiled for


@dataclass
class DynamoDBLocal(Server):
    """DynamoDB Local. All data is in memory."""

    name = "DynamoDB Local"

    def start(self) -> None:
        """Start it empty, on 127.0.0.1 only. Downloads it first if it is missing. Raises UserError."""
        jars = ensure()
        libraries = [f"-Djava.library.path={jars}", "--class-path", f"{jars}/*"]
        command = ["java", *libraries, str(_SERVER_SOURCE), str(self.port)]
        self.launch(command, {"PATH": os.environ["PATH"]}, timeout=60)

    def client(self) -> Any:
        """Return a boto3 client. Tables do not depend on credentials or region."""
        return boto3.client(
            "dynamodb",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  # it accepts any
            config=Config(connect_timeout=2, read_timeout=20, retries={"total_max_attempts": 1}),
        )

    def is_ready(self) -> bool:
        try:
            self.client().list_tables()
        except (BotoCoreError, ClientError):
            return False
        return True


def ensure() -> Path:
    """Return the directory of the JAR files, and download them first if they are not in the cache. Raises UserError."""
    _require_java()
    return cache.get_or_build("dynamodb-local", _POM.read_text() + CHECKSUMS.read_text(), _download)


def find_mismatches(folder: Path, checksums: Path) -> list[str]:
    """Return the names of files that are missing, unexpected, or do not have the SHA-256 digest in the list."""
    expected = {name: digest for digest, name in (line.split() for line in checksums.read_text().splitlines())}
    actual = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    return sorted({name for name, _ in expected.items() ^ actual.items()})


def _require_java() -> None:
    if not _has_java():
        apt.install_packages("Java", "default-jdk-headless")
    if not _has_java():
        raise UserError(
            f"DynamoDB Local needs a JDK of Java {_MIN_JAVA_VERSION} or newer, and there is none on the PATH. "
            "Install one (on Debian and Ubuntu: apt-get install default-jdk-headless), and run the command again."
        )


def _has_java() -> bool:
    """Return whether Java is new enough and has the compiler, which runs a source file."""
    if shutil.which("java") is None:
        return False
    modules = subprocess.run(["java", "--list-modules"], capture_output=True, text=True, check=False).stdout
    compiler = re.search(r"^jdk\.compiler@(\d+)", modules, re.MULTILINE)
    return compiler is not None and int(compiler[1]) >= _MIN_JAVA_VERSION


def _download(folder: Path) -> None:
    if shutil.which("mvn") is None:
        apt.install_packages("Maven", "maven")
    if shutil.which("mvn") is None:
        raise UserError(
            "Maven downloads DynamoDB Local, and there is no mvn on the PATH. "
            "Install it (on Debian and Ubuntu: apt-get install maven), and run the command again."
        )
    with Step("Downloading DynamoDB Local"):
        command = ["mvn", "--batch-mode", "--no-transfer-progress", "--file", str(_POM), _MAVEN_GOAL]
        maven = subprocess.run(
            [*command, f"-DoutputDirectory={folder}"], cwd=install.ROOT, capture_output=True, text=True, check=False
        )
        if maven.returncode:
            raise UserError(f"Maven could not download DynamoDB Local:\n{maven.stdout.strip()[-1500:]}")
        if names := find_mismatches(folder, CHECKSUMS):
            raise UserError(
                f"Files that Maven downloaded differ from requirements/{CHECKSUMS.name}: {', '.join(names)}. "
                "Nothing of it was run. Find out why before you change the list."
            )
