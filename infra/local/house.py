"""The developer's local Holdall: one cloud and one MinIO below `.local/`, and the addresses for whoever uses them."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.letters import Letter, sent
from infra.local.minio import Minio
from infra.local.progress import Step, Trouble, say
from infra.operator import Operator, new_password
from infra.stage import DEFAULT_PORT

_EMAIL = "superuser@example.com"


@dataclass
class House:
    """Everything that `make up` starts and `make down` ends, for the tree at `root`."""

    root: Path
    cloud: Cloud = field(init=False)
    minio: Minio = field(init=False)

    def __post_init__(self) -> None:
        here = self.root / ".local"
        self.cloud = Cloud(here / "cloud", _asked("HOLDALL_PORT") or DEFAULT_PORT, root=self.root)
        self.minio = Minio(here / "minio", _asked("HOLDALL_MINIO_PORT") or 9000)
        # What runs is found where it runs, and what was made is started where it was made.
        if not _asked("HOLDALL_PORT"):
            self.cloud.port = self.cloud.process.port() or self.cloud.made_on() or self.cloud.port
        if not _asked("HOLDALL_MINIO_PORT"):
            self.minio.port = self.minio.process.port() or self.minio.port

    @property
    def addresses_file(self) -> Path:
        return self.root / ".local" / "addresses.json"

    def up(self) -> None:
        """Start, deploy, make the superuser, and tell where everything is. Quick when all is there. Raises Trouble."""
        if self.cloud.process.left_behind():
            say("The local cloud was not ended cleanly last time: it goes on from its last clean stop (make down).")
        self.cloud.start()
        outputs = self.cloud.deploy()
        addresses = self._addresses(outputs)
        self.addresses_file.write_text(json.dumps(addresses, indent=2) + "\n")
        self.addresses_file.chmod(0o600)
        self.tell(addresses)

    def down(self) -> None:
        """End what runs, by our own record of it. Raises Trouble."""
        for name, process in {"the local cloud": self.cloud.process, "MinIO": self.minio.process}.items():
            if process.port() is None:
                process.stop()  # of one that ended by itself, the record is still to be removed
                continue
            with Step(f"Ending {name}"):
                process.stop()
        say("Nothing of Holdall runs now. Its data is kept.")

    def tell(self, addresses: Mapping[str, Any]) -> None:
        """Print the addresses."""
        user = addresses["superuser"]
        rows = {
            "Console": addresses["console"],
            "API documents": addresses["docs"],
            "API": addresses["api"],
            "Superuser": f"{user['email']}  {user['password']}",
            "Written to": str(self.addresses_file.relative_to(self.root)),
        }
        say("\nHoldall is up.\n")
        for name, value in rows.items():
            say(f"  {name:<14} {value}")
        say("\nTo end it, keeping its data: make down")

    def status(self) -> None:
        """Print what runs, and where. Raises Trouble when nothing does."""
        if self.cloud.process.port() is None or not self.addresses_file.is_file():
            raise Trouble("The local cloud does not run. To start it: make up")
        self.tell(json.loads(self.addresses_file.read_text()))
        if self.minio.process.port():
            say(f"  {'MinIO':<14} {self.minio.endpoint}")

    @property
    def operator(self) -> Operator:
        """Whoever has all rights here. Raises Trouble when nothing is deployed."""
        return Operator(self.cloud.functions(), self.cloud.outputs()["AuthFunction"])

    def letters(self) -> list[Letter]:
        """What was sent here, newest last. Raises Trouble when the local cloud does not run."""
        if self.cloud.process.port() is None:
            raise Trouble("The local cloud does not run, so it keeps no letters. To start it: make up")
        return sent(self.cloud.endpoint)

    def _addresses(self, outputs: Mapping[str, str]) -> dict[str, Any]:
        return {
            "console": outputs["ConsoleUrl"],
            "api": outputs["DirectApiUrl"],
            "docs": outputs["DocsUrl"],
            "superuser": self._superuser(outputs),
        }

    def _superuser(self, outputs: Mapping[str, str]) -> dict[str, str]:
        """The superuser of this stack, made once; the same again when the stack was made anew."""
        record = self.cloud.directory / "superuser.json"
        known: dict[str, str] = json.loads(record.read_text()) if record.is_file() else {}
        email, password = known.get("email", _EMAIL), known.get("password") or new_password()
        if known.get("of") != outputs["MainTable"]:
            with Step("Making the superuser"):
                Operator(self.cloud.functions(), outputs["AuthFunction"]).make_superuser(email, password)
            record.touch(mode=0o600)
            record.write_text(json.dumps({"of": outputs["MainTable"], "email": email, "password": password}))
        return {"email": email, "password": password}


def _asked(variable: str) -> int | None:
    """The port that an environment variable asks for. Raises Trouble when it is none."""
    given = os.environ.get(variable)
    if not given:
        return None
    if not (given.isdecimal() and 1024 <= int(given) <= 65535):
        raise Trouble(f"{variable} must be a port from 1024 to 65535, not {given!r}.")
    return int(given)
