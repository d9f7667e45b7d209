"""The developer's local Holdall: one cloud and one MinIO below `.local/`, and the addresses for whoever uses them."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.cloud import LocalCloud
from infra.local.minio import Minio
from infra.local.outbox import Email, fetch_emails
from infra.local.progress import Step, UserError, echo
from infra.operator_cli import OperatorClient, generate_password
from infra.stage import DEFAULT_PORT

_SUPERUSER_EMAIL = "superuser@example.com"


@dataclass
class LocalEnvironment:
    """Everything that `make up` starts and `make down` ends, for the tree at `root`."""

    root: Path
    cloud: LocalCloud = field(init=False)
    minio: Minio = field(init=False)

    def __post_init__(self) -> None:
        here = self.root / ".local"
        self.cloud = LocalCloud(here / "cloud", _port_from_env("HOLDALL_PORT") or DEFAULT_PORT, root=self.root)
        self.minio = Minio(here / "minio", _port_from_env("HOLDALL_MINIO_PORT") or 9000)
        # What runs is found where it runs, and what was made is started where it was made.
        if not _port_from_env("HOLDALL_PORT"):
            self.cloud.port = self.cloud.process.running_port() or self.cloud.state_port() or self.cloud.port
        if not _port_from_env("HOLDALL_MINIO_PORT"):
            self.minio.port = self.minio.process.running_port() or self.minio.port

    @property
    def addresses_file(self) -> Path:
        return self.root / ".local" / "addresses.json"

    def up(self) -> None:
        """Start, deploy, make the superuser, and tell where everything is. Quick when all is there. Raises Trouble."""
        if self.cloud.process.crashed():
            echo("The local cloud was not ended cleanly last time: it goes on from its last clean stop (make down).")
        self.cloud.start()
        outputs = self.cloud.deploy()
        addresses = self._build_addresses(outputs)
        self.addresses_file.write_text(json.dumps(addresses, indent=2) + "\n")
        self.addresses_file.chmod(0o600)
        self.print_addresses(addresses)

    def down(self) -> None:
        """End what runs, by our own record of it. Raises Trouble."""
        for name, process in {"the local cloud": self.cloud.process, "MinIO": self.minio.process}.items():
            if process.running_port() is None:
                process.stop()  # of one that ended by itself, the record is still to be removed
                continue
            with Step(f"Ending {name}"):
                process.stop()
        echo("Nothing of Holdall runs now. Its data is kept.")

    def print_addresses(self, addresses: Mapping[str, Any]) -> None:
        """Print the addresses."""
        user = addresses["superuser"]
        rows = {
            "Console": addresses["console"],
            "API documents": addresses["docs"],
            "API": addresses["api"],
            "Superuser": f"{user['email']}  {user['password']}",
            "Written to": str(self.addresses_file.relative_to(self.root)),
        }
        echo("\nHoldall is up.\n")
        for name, value in rows.items():
            echo(f"  {name:<14} {value}")
        echo("\nTo end it, keeping its data: make down")

    def print_status(self) -> None:
        """Print what runs, and where. Raises Trouble when nothing does."""
        if self.cloud.process.running_port() is None or not self.addresses_file.is_file():
            raise UserError("The local cloud does not run. To start it: make up")
        self.print_addresses(json.loads(self.addresses_file.read_text()))
        if self.minio.process.running_port():
            echo(f"  {'MinIO':<14} {self.minio.endpoint}")

    @property
    def operator(self) -> OperatorClient:
        """Whoever has all rights here. Raises Trouble when nothing is deployed."""
        return OperatorClient(self.cloud.lambda_client(), self.cloud.outputs()["AuthFunction"])

    def emails(self) -> list[Email]:
        """What was sent here, newest last. Raises Trouble when the local cloud does not run."""
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
        """The superuser of this stack, made once; the same again when the stack was made anew."""
        record = self.cloud.directory / "superuser.json"
        known: dict[str, str] = json.loads(record.read_text()) if record.is_file() else {}
        email, password = known.get("email", _SUPERUSER_EMAIL), known.get("password") or generate_password()
        if known.get("main_table") != outputs["MainTable"]:
            with Step("Making the superuser"):
                OperatorClient(self.cloud.lambda_client(), outputs["AuthFunction"]).create_superuser(email, password)
            record.touch(mode=0o600)
            record.write_text(json.dumps({"main_table": outputs["MainTable"], "email": email, "password": password}))
        return {"email": email, "password": password}


def _port_from_env(variable: str) -> int | None:
    """The port that an environment variable asks for. Raises Trouble when it is none."""
    given = os.environ.get(variable)
    if not given:
        return None
    if not (given.isdecimal() and 1024 <= int(given) <= 65535):
        raise UserError(f"{variable} must be a port from 1024 to 65535, not {given!r}.")
    return int(given)
