"""The local environment of a developer: a local cloud and a MinIO in `.local/`, and a file with their URLs."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.cloud import LocalCloud
from infra.local.edge import LocalEdge
from infra.local.minio import Minio
from infra.local.outbox import Email, fetch_emails
from infra.local.progress import Step, UserError, echo
from infra.operator_cli import OperatorClient, generate_password
from infra.stage import DEFAULT_PORT

_SUPERUSER_EMAIL = "superuser@example.com"


@dataclass
class LocalEnvironment:
    """All that `make up` starts and `make down` stops, for the repository at `root`."""

    root: Path
    cloud: LocalCloud = field(init=False)
    minio: Minio = field(init=False)

    def __post_init__(self) -> None:
        directory = self.root / ".local"
        self.cloud = LocalCloud(directory / "cloud", _port_from_env("HOLDALL_PORT") or DEFAULT_PORT, root=self.root)
        self.minio = Minio(directory / "minio", _port_from_env("HOLDALL_MINIO_PORT") or 9000)
        # Without a port from the user, use that of the running server, or of the saved state.
        if not _port_from_env("HOLDALL_PORT"):
            self.cloud.port = self.cloud.process.running_port() or self.cloud.state_port() or self.cloud.port
        if not _port_from_env("HOLDALL_MINIO_PORT"):
            self.minio.port = self.minio.process.running_port() or self.minio.port

    @property
    def addresses_file(self) -> Path:
        return self.root / ".local" / "addresses.json"

    def up(self, *, with_edge: bool = False) -> None:
        """Start the local cloud, deploy the stack, create the superuser, and print the URLs. Raises UserError.

        With `with_edge`, a MinIO is the edge store.
        """
        if self.cloud.process.crashed():
            echo("The local cloud was not stopped with `make down`. Changes since the last `make down` are lost.")
        edge = LocalEdge(self.cloud, self.minio) if with_edge else None
        if edge is not None:
            self.minio.start()
            self.cloud.overrides = edge.stage_overrides()
        self.cloud.start()
        if edge is not None:
            edge.bootstrap()
        outputs = self.cloud.deploy()
        addresses = self._build_addresses(outputs)
        self.addresses_file.write_text(json.dumps(addresses, indent=2) + "\n")
        self.addresses_file.chmod(0o600)
        self.print_addresses(addresses)

    def down(self) -> None:
        """Stop the servers that `make up` and `make minio` started. Raises UserError."""
        for name, process in {"the local cloud": self.cloud.process, "MinIO": self.minio.process}.items():
            if process.running_port() is None:
                process.stop()  # removes the record of a process that ended by itself
                continue
            with Step(f"Stopping {name}"):
                process.stop()
        echo("Holdall is stopped. Its data is kept.")

    def print_addresses(self, addresses: Mapping[str, Any]) -> None:
        user = addresses["superuser"]
        rows = {
            "Console": addresses["console"],
            "Documentation": addresses["docs"],
            "API": addresses["api"],
            "Superuser": f"{user['email']}  {user['password']}",
            "Saved in": str(self.addresses_file.relative_to(self.root)),
        }
        echo("\nHoldall is running.\n")
        for name, value in rows.items():
            echo(f"  {name:<14} {value}")
        echo("\nStop it, and keep its data: make down")

    def print_status(self) -> None:
        """Print the URLs of the running servers. Raises UserError if the local cloud is not running."""
        if self.cloud.process.running_port() is None or not self.addresses_file.is_file():
            raise UserError("The local cloud is not running. Start it: make up")
        self.print_addresses(json.loads(self.addresses_file.read_text()))
        if self.minio.process.running_port():
            echo(f"  {'MinIO':<14} {self.minio.endpoint}")

    @property
    def operator(self) -> OperatorClient:
        """Return the operator's client. Raises UserError if the stack is not deployed."""
        return OperatorClient.from_outputs(self.cloud.lambda_client(), self.cloud.outputs())

    def emails(self) -> list[Email]:
        """Return the emails in the outbox, newest last. Raises UserError if the local cloud is not running."""
        if self.cloud.process.running_port() is None:
            raise UserError("The local cloud is not running. Start it: make up")
        return fetch_emails(self.cloud.endpoint)

    def _build_addresses(self, outputs: Mapping[str, str]) -> dict[str, Any]:
        return {
            "console": outputs["ConsoleUrl"],
            "api": outputs["DirectApiUrl"],
            "docs": outputs["DocsUrl"],
            "superuser": self._ensure_superuser(outputs),
        }

    def _ensure_superuser(self, outputs: Mapping[str, str]) -> dict[str, str]:
        """Create the superuser once for each stack, always with the same email address and password."""
        record = self.cloud.directory / "superuser.json"
        saved: dict[str, str] = json.loads(record.read_text()) if record.is_file() else {}
        email, password = saved.get("email", _SUPERUSER_EMAIL), saved.get("password") or generate_password()
        if saved.get("main_table") != outputs["MainTable"]:
            with Step("Creating the superuser"):
                operator = OperatorClient.from_outputs(self.cloud.lambda_client(), outputs)
                operator.create_superuser(email, password)
            record.touch(mode=0o600)
            record.write_text(json.dumps({"main_table": outputs["MainTable"], "email": email, "password": password}))
        return {"email": email, "password": password}


def _port_from_env(variable: str) -> int | None:
    """Return the port in an environment variable, if it is set. Raises UserError if it is not valid."""
    value = os.environ.get(variable)
    if not value:
        return None
    if not (value.isdecimal() and 1024 <= int(value) <= 65535):
        raise UserError(f"{variable} must be a port from 1024 to 65535, not {value!r}.")
    return int(value)
