"""Uppy as npm has it uploads from Node. Its generations differ in what they do by themselves and what they leave to a user."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.e2e.actions import wait_for
from tests.support.uppy.client import PART_BY_PART, PART_BYTES, Generation, run_in_node
from tests.support.uppy.minio_site import run_minio_site
from tests.support.uppy.network import Network
from tests.support.uppy.project import Site, UploadProject, write_random_file

_PART_1, _PART_2 = (rf"^PUT .*[?&]partNumber={number}(&|$)" for number in (1, 2))
_SIGN_2 = r"^GET .*/s3/multipart/[^/]+/2\?"
_COMPLETE = r"^POST .*/s3/multipart/[^/]+/complete\?"
_SENT_TO_S3 = r"^(PUT|POST) (?!.*/api/v1/)"


@pytest.fixture(scope="module")
def minio_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with run_minio_site(tmp_path_factory.mktemp("minio")) as site:
        yield site


@pytest.fixture(params=["deployed", "minio"])
def site(request: pytest.FixtureRequest) -> Site:
    """Return a site whose S3 server is MiniStack, and then one whose S3 server is MinIO."""
    site: Site = request.getfixturevalue(f"{request.param}_site")
    return site


def test_small_file_is_uploaded(generation: Generation, site: Site, tmp_path: Path) -> None:
    project, path = site.create_project(), write_random_file(tmp_path / "Ein Brief, größer.txt", 2000)

    with run_in_node(generation, project.create_endpoint()) as uppy:
        uppy.add(path)
        result = uppy.upload()

    assert result.errors == {}
    (file,) = project.wait_until_ready(path).values()
    assert file["contentType"] == "text/plain"
    assert file["relativePath"] is None


def test_file_of_150_megabytes_is_uploaded(generation: Generation, project: UploadProject, tmp_path: Path) -> None:
    path = write_random_file(tmp_path / "film.bin", 150 * 10**6)

    with run_in_node(generation, project.create_endpoint()) as uppy:
        uppy.add(path)
        result = uppy.upload()

    assert result.errors == {}
    project.wait_until_ready(path)
    assert project.list_unfinished_keys() == []


def test_two_files_are_uploaded_at_the_same_time(
    generation: Generation, project: UploadProject, three_parts: Path, tmp_path: Path
) -> None:
    other = write_random_file(tmp_path / "other.bin", PART_BYTES + 1)

    with run_in_node(generation, project.create_endpoint(), shouldUseMultipart=True) as uppy:
        uppy.add(three_parts, other)
        result = uppy.upload()

    assert result.errors == {}
    project.wait_until_ready(three_parts, other)


def test_dropped_folder_keeps_its_paths(generation: Generation, project: UploadProject, tmp_path: Path) -> None:
    folder = tmp_path / "Prag"
    paths = [write_random_file(folder / name, 3000) for name in ("karte.txt", "fotos/alt/brücke.bin")]

    with run_in_node(generation, project.create_endpoint()) as uppy:
        uppy.add(*paths, folder=folder)
        result = uppy.upload()

    assert result.errors == {}
    files = project.wait_until_ready(*paths)
    assert files["karte.txt"]["relativePath"] == "Prag/karte.txt"
    assert files["brücke.bin"]["relativePath"] == "Prag/fotos/alt/brücke.bin"


def test_resumed_upload_sends_only_the_missing_parts(
    generation: Generation, site: Site, network: Network, three_parts: Path
) -> None:
    project = site.create_project()
    with run_in_node(generation, network.route(project.create_endpoint()), **PART_BY_PART) as uppy:
        uppy.add(three_parts)
        uppy.upload_and_pause(after_parts=1)
        result = uppy.resume()

    assert result.errors == {}
    project.wait_until_ready(three_parts)
    assert network.count(_PART_1) == 1


def test_cancelled_upload_leaves_nothing(generation: Generation, site: Site, three_parts: Path) -> None:
    project = site.create_project()
    with run_in_node(generation, project.create_endpoint(), **PART_BY_PART) as uppy:
        uppy.add(three_parts)
        uppy.upload_and_cancel(after_parts=1)
        assert uppy.wait().urls == {}

        project.wait_until_empty()


def test_part_whose_url_has_expired_is_signed_again(
    generation: Generation, project: UploadProject, network: Network, three_parts: Path
) -> None:
    network.expire(_PART_2)

    with run_in_node(generation, network.route(project.create_endpoint()), **PART_BY_PART) as uppy:
        uppy.add(three_parts)
        result = uppy.upload()
        if generation == "v6":  # which leaves it to its user
            assert set(result.errors) == {three_parts.name}
            result = uppy.retry()

    assert result.errors == {}
    project.wait_until_ready(three_parts)
    assert (network.count(_PART_1), network.count(_SIGN_2)) == (1, 2)


def test_lost_connections_do_not_end_an_upload(
    generation: Generation, project: UploadProject, network: Network, three_parts: Path
) -> None:
    network.lose(_PART_2, count=2)

    with run_in_node(generation, network.route(project.create_endpoint()), **PART_BY_PART) as uppy:
        uppy.add(three_parts)
        result = uppy.upload()

    assert result.errors == {}
    project.wait_until_ready(three_parts)
    assert network.count(_PART_1) == 1


def test_upload_that_failed_without_a_network_succeeds_when_it_is_back(
    generation: Generation, project: UploadProject, network: Network, three_parts: Path
) -> None:
    network.lose(f"{_PART_2}|{_SIGN_2}")
    patience: dict[str, Any] = {"retryDelays": [0]} if generation == "v5" else {}

    with run_in_node(generation, network.route(project.create_endpoint()), **PART_BY_PART, **patience) as uppy:
        uppy.add(three_parts)
        assert set(uppy.upload().errors) == {three_parts.name}
        network.restore()
        result = uppy.retry()

    assert result.errors == {}
    project.wait_until_ready(three_parts)
    # Version 5 aborts an upload that failed, and starts again.
    assert network.count(_PART_1) == (2 if generation == "v5" else 1)
    assert project.list_unfinished_keys() == []


def test_lost_response_to_the_completion_loses_no_file(
    generation: Generation, project: UploadProject, network: Network, three_parts: Path
) -> None:
    network.lose_response(_COMPLETE)

    with run_in_node(generation, network.route(project.create_endpoint()), **PART_BY_PART) as uppy:
        uppy.add(three_parts)
        assert set(uppy.upload().errors) == {three_parts.name}
        if generation == "v5":  # aborts what it takes for a failed upload, and would send the file a second time
            wait_for(lambda: network.count("^DELETE ") == 1)
        else:
            assert uppy.retry().errors == {}

    project.wait_until_ready(three_parts)


def test_upload_into_a_full_project_is_refused_with_a_reason(
    generation: Generation, deployed_site: Site, tmp_path: Path
) -> None:
    project = deployed_site.create_project(quota={"maxFiles": 0})

    with run_in_node(generation, project.create_endpoint()) as uppy:
        uppy.add(write_random_file(tmp_path / "note.txt", 10))
        (error,) = uppy.upload().errors.values()

    assert_names_the_quota(error, generation)
    project.wait_until_empty()


def test_file_larger_than_the_room_is_refused_at_its_completion_with_a_reason(
    generation: Generation, deployed_site: Site, three_parts: Path
) -> None:
    project = deployed_site.create_project(quota={"maxBytes": 2 * PART_BYTES})

    with run_in_node(generation, project.create_endpoint(), **PART_BY_PART) as uppy:
        uppy.add(three_parts)
        (error,) = uppy.upload().errors.values()

    assert_names_the_quota(error, generation)
    project.wait_until_empty()


def test_file_larger_than_the_room_is_refused_before_a_byte_is_sent_if_the_page_tells_its_size(
    generation: Generation, deployed_site: Site, network: Network, three_parts: Path
) -> None:
    project = deployed_site.create_project(quota={"maxBytes": 2 * PART_BYTES})

    with run_in_node(generation, network.route(project.create_endpoint())) as uppy:
        uppy.tell_sizes()
        uppy.add(three_parts)
        (error,) = uppy.upload().errors.values()

    assert_names_the_quota(error, generation)
    assert network.count(_SENT_TO_S3) == 0
    project.wait_until_empty()


def test_small_file_larger_than_the_room_is_refused_by_s3(generation: Generation, site: Site, tmp_path: Path) -> None:
    project = site.create_project(quota={"maxBytes": 1000})

    with run_in_node(generation, project.create_endpoint()) as uppy:
        uppy.add(write_random_file(tmp_path / "note.txt", 1001))
        assert set(uppy.upload().errors) == {"note.txt"}

    assert project.list_originals() == {}


def assert_names_the_quota(error: str, generation: Generation) -> None:
    """Check the error that the client shows. Version 6 reads no response, so it shows the status."""
    assert ("quota" in error) if generation == "v5" else (error == "Companion request failed: Conflict"), error
