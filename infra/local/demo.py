"""`make demo`: uploads a photo and shows its variants. Uses only the documented API, as any client, but for its last line.

With `--edge`, the photo is uploaded to the edge store, and moves to S3 before it is rendered.
"""

import argparse
import hashlib
import json
import mimetypes
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from infra.local import one_time_link
from infra.local.environment import LocalEnvironment
from infra.local.install import ROOT
from infra.local.process import bypass_proxy
from infra.local.progress import Step, UserError, echo, exit_on_user_error

_DEFAULT_PHOTO = ROOT / "docs" / "demo" / "photo.jpg"
_VARIANTS = [
    {"name": "thumbnail", "width": 200, "height": 200, "fit": "cover", "format": "webp", "quality": 80},
    {"name": "small", "width": 640, "format": "webp", "quality": 80},
    {"name": "large", "width": 1280, "format": "webp", "quality": 80},
    {"name": "poster", "width": 1920, "format": "avif", "quality": 50},
]
_RENDER_TIMEOUT = 120.0  # seconds for the variants
_SYNC_TIMEOUT = 120.0


@dataclass
class ApiClient:
    """A client of the API at `base_url`."""

    base_url: str
    token: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return `data` of the response. Raises UserError if the request fails."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            response = self.session.request(method, self.base_url + path, json=body, headers=headers, timeout=60)
        except requests.RequestException as error:
            raise UserError(f"{self.base_url} does not respond. Start it: make up") from error
        if not response.ok:
            raise UserError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()["data"]


def run(photo: Path, *, use_edge: bool) -> None:
    """Sign up, upload a photo, and print its variants. Raises UserError."""
    if not photo.is_file():
        raise UserError(f"{photo} does not exist. Name a file: make demo FILE=photo.jpg")
    addresses = json.loads((ROOT / ".local" / "addresses.json").read_text())
    api = ApiClient(addresses["api"])
    echo(f"\nA photo and its variants: {photo.name}, {photo.stat().st_size:,} bytes\n")
    with Step("Signing up and signing in"):
        account = {"email": f"demo-{secrets.token_hex(4)}@example.com", "password": secrets.token_urlsafe(12)}
        api.request("POST", "/auth/sign-up", account)
        api.token = api.request("POST", "/auth/login", account)["accessToken"]
    with Step("Creating a public project with four variants"):
        settings = {"visibility": "public", "variants": _VARIANTS, "storage": "edge" if use_edge else "s3"}
        project = api.request("POST", "/projects", {"name": "Demo", "settings": settings})
    committed = _upload(api, project["id"], photo)
    _print_location(api, committed["file"])
    if use_edge:
        _run_sync(ApiClient(addresses["api"]), addresses["superuser"])
    start = time.monotonic()
    with Step("Waiting for the variants") as step:
        file = _wait_until_rendered(api, committed["fileId"], step)
    if use_edge:
        _print_location(api, file)
    _print_variants(file, addresses["console"], time.monotonic() - start)
    echo(f"\nOpen one in a browser: {file['variants'][-1]['url']}")
    echo(f"Try the API:           {addresses['docs']}")
    page = f"/projects/{project['id']}/files?file={file['id']}"
    echo("\nSee the photo in the console. This link signs you in, once, within five minutes:\n")
    echo(f"  {one_time_link.create(LocalEnvironment(ROOT).cloud, api.request, account, page)}")


def _upload(api: ApiClient, project_id: str, photo: Path) -> Any:
    content = photo.read_bytes()
    upload = api.request(
        "POST",
        "/files/init-upload",
        {
            "projectId": project_id,
            "filename": photo.name,
            "size": len(content),
            "contentType": mimetypes.guess_type(photo.name)[0] or "application/octet-stream",
            "sha256": hashlib.sha256(content).hexdigest(),
        },
    )
    title = f"  Uploading to {urlsplit(upload['url']).netloc}"
    with _progress_bar(title, len(content)) as progress, photo.open("rb") as source:
        response = requests.request(
            upload["method"],
            upload["url"],
            data=_ProgressReader(source, len(content), progress),
            headers=upload["headers"],
            timeout=300,
        )
    if not response.ok:
        raise UserError(f"The upload was rejected: {response.status_code} {response.text}")
    with Step("Committing"):
        return api.request("POST", "/files/commit", {"uploadId": upload["uploadId"]})


def _wait_until_rendered(api: ApiClient, file_id: str, step: Step) -> Any:
    end = time.monotonic() + _RENDER_TIMEOUT
    while time.monotonic() < end:
        file = api.request("GET", f"/files/{file_id}")
        if file["status"] == "rejected":
            raise UserError(f"The file was rejected: {file['reason']}")
        if file["status"] == "ready" and file["reason"]:
            raise UserError(f"The file is stored, but cannot be rendered: {file['reason']}")
        if file["status"] == "ready" and all(each["status"] != "processing" for each in file["variants"]):
            return file
        step.note("rendering")
        time.sleep(0.2)
    raise UserError(f"The variants were not rendered within {_RENDER_TIMEOUT:.0f} seconds.")


def _print_location(api: ApiClient, file: Mapping[str, Any]) -> None:
    """Print where a file is, with the badge of the console, and where a download leads."""
    badge = {"edge": "[ edge ]", "s3": "[ S3 ]"}[file["storageLocation"]]
    headers = {"Authorization": f"Bearer {api.token}"}
    url = f"{api.base_url}/files/{file['id']}/download"
    response = api.session.get(url, headers=headers, allow_redirects=False, timeout=60)
    location = response.headers.get("location", "").partition("?")[0]
    echo(f"\n  {badge:<9} {file['name']}  {location}\n")


def _run_sync(api: ApiClient, superuser: Mapping[str, str]) -> None:
    """Move what is in the edge store to S3, as the schedule does at midnight. Raises UserError."""
    with Step("Moving new files from the edge store to S3") as step:
        login = {"email": superuser["email"], "password": superuser["password"]}
        api.token = api.request("POST", "/auth/login", login)["accessToken"]
        run_id = api.request("POST", "/admin/tasks/sync-edge/run")["jobId"]
        end = time.monotonic() + _SYNC_TIMEOUT
        while time.monotonic() < end:
            [task] = [each for each in api.request("GET", "/admin/tasks") if each["name"] == "sync-edge"]
            run = task["lastRequest"]
            if run["jobId"] == run_id and run["status"] == "completed":
                step.note(", ".join(f"{name} {count}" for name, count in run["counts"].items()))
                return
            time.sleep(0.5)
    raise UserError(f"The files were not moved within {_SYNC_TIMEOUT:.0f} seconds.")


def _print_variants(file: Mapping[str, Any], console_url: str, seconds: float) -> None:
    """Print a table of the variants. Downloads each one through CloudFront."""
    title = f"\n{file['name']}: {file['width']} x {file['height']}, rendered in {seconds:.1f} s"
    table = Table(title=title, title_justify="left")
    for heading in ("variant", "size", "type", "bytes", "of original", "downloaded in"):
        table.add_column(heading, justify="left" if heading in ("variant", "type") else "right")
    for variant in file["variants"]:
        start = time.monotonic()
        response = _fetch_via_cloudfront(console_url, variant["url"])
        table.add_row(
            variant["name"],
            f"{variant['width']}x{variant['height']}",
            variant["contentType"],
            f"{len(response.content):,}",
            f"{len(response.content) / file['size']:.0%}",
            f"{(time.monotonic() - start) * 1000:.0f} ms",
        )
    Console().print(table)
    for variant in file["variants"]:
        echo(f"  {variant['name']:<10} {variant['url']}")


def _fetch_via_cloudfront(console_url: str, url: str) -> requests.Response:
    """Download a URL of the distribution. Sends the name in the Host header, because Python does not resolve *.localhost."""
    split = urlsplit(url)
    direct = f"{split.scheme}://127.0.0.1:{split.port}{split.path}" if ".localhost" in console_url else url
    response = requests.get(direct, headers={"Host": split.netloc}, timeout=60)
    if not response.ok:
        raise UserError(f"{url} returns {response.status_code}.")
    return response


class _ProgressReader:
    """A file that advances a progress bar when it is read. Its length makes `requests` send Content-Length."""

    def __init__(self, source: Any, size: int, progress: Progress) -> None:
        self._source, self._size, self._progress = source, size, progress

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        chunk: bytes = self._source.read(size)
        self._progress.advance(self._progress.task_ids[0], len(chunk))
        return chunk


@contextmanager
def _progress_bar(title: str, size: int) -> Iterator[Progress]:
    columns = (TextColumn(f"{title:<54}"), BarColumn(24), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(width=None if sys.stdout.isatty() else 120)) as progress:
        progress.add_task(title, total=size)
        yield progress


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", nargs="?", type=Path, default=_DEFAULT_PHOTO)
    parser.add_argument("--edge", action="store_true", help="upload to the edge store")
    arguments = parser.parse_args()
    bypass_proxy()
    with exit_on_user_error():
        run(arguments.photo, use_edge=arguments.edge)
