"""Public access: CloudFront serves variants of public projects under /media/, and nothing else."""

from dataclasses import dataclass
from typing import Any

import pytest

from infra.local.e2e_environment import E2EEnvironment
from tests.support import image_samples as images
from tests.support.e2e.actions import create_project, upload_file, wait_for, wait_until_processed
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server, create_client, request_url


@dataclass(frozen=True)
class PrivateImage:
    """An image of a private project, and the keys of its objects."""

    owner: Client
    file: Any
    original_key: str
    variant_key: str


@pytest.fixture(scope="module")
def private_image(api_gateway: Server, aws_state: AwsState) -> PrivateImage:
    """Return a rendered image of a private project."""
    owner = create_client(api_gateway)
    project_id = create_project(owner)
    file = wait_until_processed(owner, upload_file(owner, images.make_noise_photo(20), projectId=project_id)["fileId"])
    (original,) = [key for key, _ in aws_state.originals(project_id)]
    (variant,) = aws_state.variants(project_id)
    return PrivateImage(owner, file, original, variant)


def test_public_variant_is_served_to_everyone_and_immutable(client: Client) -> None:
    project_id = create_project(client, visibility="public")
    file = wait_until_processed(
        client, upload_file(client, images.make_noise_photo(21), projectId=project_id)["fileId"]
    )
    (variant,) = file["variants"]

    response = request_url(variant["url"])

    assert (response.status, response.headers["content-type"]) == (200, "image/webp")
    assert "immutable" in response.headers["cache-control"]
    assert images.decode(response.content).size == (64, 64)
    assert request_url(variant["url"], method="HEAD").status == 200
    assert request_url(variant["url"], headers={"range": "bytes=0-3"}).content == b"RIFF"


def test_content_route_redirects_to_the_url_of_a_public_variant(client: Client) -> None:
    project_id = create_project(client, visibility="public")
    file = wait_until_processed(
        client, upload_file(client, images.make_noise_photo(22), projectId=project_id)["fileId"]
    )

    response = client.get(f"/files/{file['id']}/content?variant=thumb")

    assert (response.status, response.headers["location"]) == (302, file["variants"][0]["url"])


def test_variants_are_private_after_their_project_became_private(client: Client, aws_state: AwsState) -> None:
    project_id = create_project(client, visibility="public")
    file = wait_until_processed(
        client, upload_file(client, images.make_noise_photo(23), projectId=project_id)["fileId"]
    )
    (variant,) = file["variants"]
    public = request_url(variant["url"])
    assert public.status == 200

    client.request("PUT", f"/projects/{project_id}", {"settings": {"visibility": "private"}}).data()
    wait_for(lambda: [key.partition("/")[0] for key in aws_state.variants(project_id)] == ["private"])
    aws_state.wait_until_queues_empty()

    assert request_url(variant["url"]).status in (403, 404)
    redirect = client.get(f"/files/{file['id']}/content?variant=thumb")
    assert redirect.status == 302
    assert request_url(redirect.headers["location"]).content == public.content


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
def test_no_path_through_cloudfront_serves_a_private_image(
    path: str, private_image: PrivateImage, deployment: E2EEnvironment, cloudfront: Server
) -> None:
    url_path = path.format(
        variant=private_image.variant_key,
        variant_below=private_image.variant_key.partition("/")[2],
        original=private_image.original_key,
        originals=deployment.outputs["OriginalsBucket"],
        variants=deployment.outputs["VariantsBucket"],
    )

    assert cloudfront.request("GET", url_path).status in (403, 404)


def test_owner_gets_a_url_of_a_private_variant_for_five_minutes(private_image: PrivateImage) -> None:
    redirect = private_image.owner.get(f"/files/{private_image.file['id']}/content?variant=thumb&disposition=inline")
    variant = request_url(redirect.headers["location"])

    assert (redirect.status, variant.status) == (302, 200)
    assert "X-Amz-Expires=300" in redirect.headers["location"]
    assert variant.headers["content-type"] == "image/webp"
    assert variant.headers["content-disposition"].startswith('inline; filename="photo-thumb.webp"')


def test_no_other_user_gets_a_url_of_a_private_image(
    private_image: PrivateImage, client: Client, anonymous: Client
) -> None:
    for path in (
        f"/files/{private_image.file['id']}/content?variant=thumb",
        f"/files/{private_image.file['id']}/content",
    ):
        anonymous.get(path).problem(401, "unauthenticated")
        client.get(path).problem(404, "not_found")


def test_presigned_url_is_valid_for_one_object_only(private_image: PrivateImage, deployment: E2EEnvironment) -> None:
    url = private_image.owner.get(f"/files/{private_image.file['id']}/content?variant=thumb").headers["location"]
    variants, originals = deployment.outputs["VariantsBucket"], deployment.outputs["OriginalsBucket"]

    other_url = url.replace(f"/{variants}/{private_image.variant_key}", f"/{originals}/{private_image.original_key}")

    assert other_url != url
    assert request_url(other_url).status == 403
    assert request_url(url.partition("?")[0]).status == 403


def test_buckets_reject_unsigned_requests(private_image: PrivateImage, deployment: E2EEnvironment) -> None:
    server = Server(deployment.cloud.port, f"127.0.0.1:{deployment.cloud.port}")
    variants, originals = deployment.outputs["VariantsBucket"], deployment.outputs["OriginalsBucket"]

    for path in (
        f"/{variants}/{private_image.variant_key}",
        f"/{originals}/{private_image.original_key}",
        f"/{variants}",
        f"/{originals}",
    ):
        assert server.request("GET", path).status == 403
    assert server.request("PUT", f"/{originals}/{private_image.original_key}", body=b"mine").status == 403
    assert server.request("DELETE", f"/{originals}/{private_image.original_key}").status == 403


def test_media_rejects_writes(private_image: PrivateImage, cloudfront: Server) -> None:
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        assert cloudfront.request(
            method, f"/media/{private_image.variant_key.partition('/')[2]}", body=b"x"
        ).status in (403, 405)
