"""Uppy as npm has it uploads from a page of another site, as far as the browser lets it."""

from pathlib import Path

from playwright.sync_api import Browser

from tests.support.uppy.client import PART_BY_PART, Generation
from tests.support.uppy.network import Network
from tests.support.uppy.page import run_in_page
from tests.support.uppy.project import UploadProject, write_random_file

_PART_1, _PART_2 = (rf"^PUT .*[?&]partNumber={number}(&|$)" for number in (1, 2))


def test_page_may_upload_a_file_and_read_where_it_is(
    generation: Generation, browser: Browser, project: UploadProject, tmp_path: Path
) -> None:
    path = write_random_file(tmp_path / "Ein Brief, größer.txt", 2000)

    with run_in_page(browser, generation, project.create_endpoint()) as uppy:
        uppy.add(path)
        result = uppy.upload()

    assert (result.errors, uppy.errors) == ({}, [])
    project.wait_until_ready(path)
    (key,) = project.list_originals()
    assert [url.endswith(f"/{key}") for url in result.urls.values()] == [True]


def test_page_may_send_its_headers_to_the_endpoint(browser: Browser, project: UploadProject, tmp_path: Path) -> None:
    path = write_random_file(tmp_path / "note.txt", 10)
    headers = {"authorization": "Bearer of-the-page", "uppy-auth-token": "a", "uppy-credentials-params": "b"}

    with run_in_page(browser, "v5", project.create_endpoint(), headers=headers) as uppy:
        uppy.add(path)
        result = uppy.upload()

    assert (result.errors, uppy.errors) == ({}, [])
    project.wait_until_ready(path)


def test_page_may_upload_150_megabytes(browser: Browser, project: UploadProject, tmp_path: Path) -> None:
    path = write_random_file(tmp_path / "film.bin", 150 * 10**6)

    with run_in_page(browser, "v6", project.create_endpoint()) as uppy:
        uppy.add(path)
        result = uppy.upload()

    assert (result.errors, uppy.errors) == ({}, [])
    project.wait_until_ready(path)


def test_resumed_upload_sends_only_the_missing_parts(
    generation: Generation, browser: Browser, project: UploadProject, network: Network, three_parts: Path
) -> None:
    endpoint = network.route(project.create_endpoint())
    with run_in_page(browser, generation, endpoint, **PART_BY_PART) as uppy:
        uppy.add(three_parts)
        uppy.upload_and_pause(after_parts=1)
        result = uppy.resume()

    assert result.errors == {}
    project.wait_until_ready(three_parts)
    assert network.count(_PART_1) == 1


def test_upload_goes_on_when_the_browser_is_online_again(
    generation: Generation, browser: Browser, project: UploadProject, network: Network, three_parts: Path
) -> None:
    network.stall(_PART_2)
    endpoint = network.route(project.create_endpoint())
    with run_in_page(browser, generation, endpoint, **PART_BY_PART) as uppy:
        uppy.add(three_parts)
        uppy.start()
        network.wait_until_stalled()
        uppy.page.context.set_offline(True)
        with uppy.page.expect_event("requestfailed"):
            network.restore()
        uppy.page.context.set_offline(False)
        result = uppy.wait()
        if generation == "v6" and result.errors:  # it may notice too late to wait, and leaves the rest to its user
            result = uppy.retry()

    assert result.errors == {}
    project.wait_until_ready(three_parts)
    assert network.count(_PART_1) == 1


def test_cancelled_upload_leaves_nothing(
    generation: Generation, browser: Browser, project: UploadProject, three_parts: Path
) -> None:
    with run_in_page(browser, generation, project.create_endpoint(), **PART_BY_PART) as uppy:
        uppy.add(three_parts)
        uppy.upload_and_cancel(after_parts=1)

        project.wait_until_empty()


def test_dropped_folder_keeps_its_paths(
    generation: Generation, browser: Browser, project: UploadProject, tmp_path: Path
) -> None:
    folder = tmp_path / "Prag"
    paths = [write_random_file(folder / name, 3000) for name in ("karte.txt", "fotos/alt/brücke.bin")]

    with run_in_page(browser, generation, project.create_endpoint()) as uppy:
        uppy.add(*paths, folder=folder)
        result = uppy.upload()

    assert result.errors == {}
    files = project.wait_until_ready(*paths)
    assert files["karte.txt"]["relativePath"] == "Prag/karte.txt"
    assert files["brücke.bin"]["relativePath"] == "Prag/fotos/alt/brücke.bin"
