"""What the world may see: variants of public projects under /media/, and nothing else."""

from dataclasses import dataclass
from typing import Any

import pytest

from infra.local.testing import Running
from tests.stack import pictures
from tests.stack.client import Client, Server, follow, signed_in
from tests.stack.state import State
from tests.stack.work import comes_true, finished, new_project, upload


@dataclass(frozen=True)
class Hidden:
    """An image of a private project, and where its bytes lie."""

    owner: Client
    file: Any
    original: str
    variant: str


@pytest.fixture(scope="module")
def hidden(direct: Server, state: State) -> Hidden:
    """A private project's image, drawn."""
    owner = signed_in(direct)
    project_id = new_project(owner)
    file = finished(owner, upload(owner, pictures.photo(20), projectId=project_id)["fileId"])
    (original,) = [key for key, _ in state.originals(project_id)]
    (variant,) = state.variants(project_id)
    return Hidden(owner, file, original, variant)


def test_a_public_variant_is_for_everybody_and_for_ever(client: Client) -> None:
    project_id = new_project(client, visibility="public")
    file = finished(client, upload(client, pictures.photo(21), projectId=project_id)["fileId"])
    (variant,) = file["variants"]

    seen = follow(variant["url"])

    assert (seen.status, seen.headers["content-type"]) == (200, "image/webp")
    assert "immutable" in seen.headers["cache-control"]
    assert pictures.opened(seen.content).size == (64, 64)
    assert follow(variant["url"], method="HEAD").status == 200
    assert follow(variant["url"], headers={"range": "bytes=0-3"}).content == b"RIFF"


def test_the_content_route_of_a_public_variant_leads_to_its_permanent_address(client: Client) -> None:
    project_id = new_project(client, visibility="public")
    file = finished(client, upload(client, pictures.photo(22), projectId=project_id)["fileId"])

    seen = client.get(f"/files/{file['id']}/content?variant=thumb")

    assert (seen.status, seen.headers["location"]) == (302, file["variants"][0]["url"])


def test_what_was_public_is_nobodys_any_more_once_its_project_is_private(client: Client, state: State) -> None:
    project_id = new_project(client, visibility="public")
    file = finished(client, upload(client, pictures.photo(23), projectId=project_id)["fileId"])
    (variant,) = file["variants"]
    seen = follow(variant["url"])
    assert seen.status == 200

    client.request("PUT", f"/projects/{project_id}", {"settings": {"visibility": "private"}}).data()
    comes_true(lambda: [key.partition("/")[0] for key in state.variants(project_id)] == ["private"])
    state.settle()

    assert follow(variant["url"]).status in (403, 404)
    led = client.get(f"/files/{file['id']}/content?variant=thumb")
    assert led.status == 302
    assert follow(led.headers["location"]).content == seen.content


@pytest.mark.parametrize(
    "path",
    [
        "/{variant}",
        "/media/{variant}",
        "/media/{variant_below}",
        "/media/../{variant}",
        "/media/./../{variant}",
        "/media/..%2F{variant}",
        "/media%2F..%2F{variant}",
        "/media/%2e%2e/{variant}",
        "/media//{variant}",
        "/media/..\\{variant}",
        "/media/x/../../{variant}",
        "/media/%252e%252e/{variant}",
        "//{variant}",
        "/%70rivate/{variant_below}",
        "/PRIVATE/{variant_below}",
        "/media/{original}",
        "/{original}",
        "/media/../{original}",
        "/media/../../{originals}/{original}",
        "/{originals}/{original}",
        "/media/../../{variants}/{variant}",
        "/{variants}/{variant}",
        "/media/{variant_below}?versionId=null",
        "/media/?list-type=2&prefix=private/",
        "/media/?prefix=private/",
        "/media/",
    ],
)
def test_no_path_through_cloudfront_leads_to_a_private_image(
    path: str, hidden: Hidden, deployed: Running, edge: Server
) -> None:
    guessed = path.format(
        variant=hidden.variant,
        variant_below=hidden.variant.partition("/")[2],
        original=hidden.original,
        originals=deployed.outputs["OriginalsBucket"],
        variants=deployed.outputs["VariantsBucket"],
    )

    assert edge.ask("GET", guessed).status in (403, 404)


def test_a_private_variant_is_seen_by_its_owner_for_five_minutes(hidden: Hidden) -> None:
    seen = hidden.owner.get(f"/files/{hidden.file['id']}/content?variant=thumb&disposition=inline")
    drawn = follow(seen.headers["location"])

    assert (seen.status, drawn.status) == (302, 200)
    assert "X-Amz-Expires=300" in seen.headers["location"]
    assert drawn.headers["content-type"] == "image/webp"
    assert drawn.headers["content-disposition"].startswith('inline; filename="photo-thumb.webp"')


def test_nobody_else_is_led_to_a_private_image(hidden: Hidden, client: Client, visitor: Client) -> None:
    for path in (f"/files/{hidden.file['id']}/content?variant=thumb", f"/files/{hidden.file['id']}/content"):
        visitor.get(path).problem(401, "unauthenticated")
        client.get(path).problem(404, "not_found")


def test_the_address_of_one_variant_opens_no_other_object(hidden: Hidden, deployed: Running) -> None:
    url = hidden.owner.get(f"/files/{hidden.file['id']}/content?variant=thumb").headers["location"]
    variants, originals = deployed.outputs["VariantsBucket"], deployed.outputs["OriginalsBucket"]

    moved = url.replace(f"/{variants}/{hidden.variant}", f"/{originals}/{hidden.original}")

    assert moved != url
    assert follow(moved).status == 403
    assert follow(url.partition("?")[0]).status == 403


def test_a_bucket_is_open_to_nobody_without_a_signature(hidden: Hidden, deployed: Running) -> None:
    server = Server(deployed.cloud.port, f"127.0.0.1:{deployed.cloud.port}")
    variants, originals = deployed.outputs["VariantsBucket"], deployed.outputs["OriginalsBucket"]

    for path in (f"/{variants}/{hidden.variant}", f"/{originals}/{hidden.original}", f"/{variants}", f"/{originals}"):
        assert server.ask("GET", path).status == 403
    assert server.ask("PUT", f"/{originals}/{hidden.original}", body=b"mine").status == 403
    assert server.ask("DELETE", f"/{originals}/{hidden.original}").status == 403


def test_media_takes_no_writes(hidden: Hidden, edge: Server) -> None:
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        assert edge.ask(method, f"/media/{hidden.variant.partition('/')[2]}", body=b"x").status in (403, 405)
