"""Bringing variants up to the settings: told beforehand to the number, then done by a job, and done once."""

from typing import Any

import pytest

from tests.api.test_variant_prefixes import get_file
from tests.support import invariants, projects
from tests.support.aws import NO_FAILURES, FakeAws, make_photo
from tests.support.client import Client, Response

SAME = {"name": "same", "width": 5}
BEFORE = [SAME, {"name": "other", "width": 6}, {"name": "gone", "width": 7}]
AFTER = [SAME, {"name": "other", "width": 60}, {"name": "new", "width": 8}]  # one changed, one dropped, one added
NO_CHANGES = {"files": 0, "variantsToMake": 0, "variantsToDrop": 0}


@pytest.fixture
def project(client: Client) -> dict[str, Any]:
    """A public project with three variants."""
    said = {"name": "Holiday", "settings": {"visibility": "public", "variants": BEFORE}}
    made: dict[str, Any] = client.post("/projects", said).created()
    return made


def set_variants(client: Client, project: dict[str, Any], specs: list[dict[str, Any]]) -> None:
    client.request("PUT", f"/projects/{project['id']}", {"settings": {"variants": specs}}).data()


def sync_variants(client: Client, project: dict[str, Any], query: str = "", **kwargs: Any) -> Response:
    return client.post(f"/projects/{project['id']}/sync-variants{query}", **kwargs)


def estimate_sync(client: Client, project: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = sync_variants(client, project, "?dryRun=true").data()
    return told


def select_counts(estimate: dict[str, Any]) -> dict[str, Any]:
    return {name: estimate[name] for name in NO_CHANGES}


def run_until_drained(fake_aws: FakeAws) -> None:
    """Let maintenance and imageproc do all that they are told."""
    for _ in range(20):
        messages = fake_aws.receive_messages("work")
        for message in messages:
            assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
        fake_aws.render_images()
        if not messages:
            return
    pytest.fail("It never ends.")


def variant_statuses(client: Client, file_id: str) -> dict[str, str]:
    return {each["name"]: each["status"] for each in get_file(client, file_id)["variants"]}


def get_variant_usage(client: Client, project: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/projects/{project['id']}/usage").data()["variants"]
    return found


def test_a_dry_run_tells_to_the_number(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload_photos(client, project, 3)
    fake_aws.upload(client, b"notes", projectId=project["id"], filename="a.txt", contentType="text/plain")
    assert select_counts(estimate_sync(client, project)) == NO_CHANGES
    set_variants(client, project, AFTER)
    told = estimate_sync(client, project)

    assert select_counts(told) == {"files": 3, "variantsToMake": 6, "variantsToDrop": 6}
    assert told["exact"] is True
    assert told["estimatedSeconds"] > 0
    assert told["estimatedDollars"] > 0


@pytest.mark.parametrize(
    ("specs", "make", "drop"),
    [([*BEFORE, {"name": "new", "width": 8}], 1, 0), (BEFORE[:2], 0, 1), ([], 0, 3), (BEFORE[::-1], 0, 0)],
    ids=["added", "dropped", "all dropped", "in another order"],
)
def test_each_change_is_told(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], specs: Any, make: int, drop: int
) -> None:
    fake_aws.upload_photos(client, project, 1)
    set_variants(client, project, specs)

    touched = int(bool(make or drop))
    assert select_counts(estimate_sync(client, project)) == {
        "files": touched,
        "variantsToMake": make,
        "variantsToDrop": drop,
    }


def test_a_dry_run_writes_nothing(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload_photos(client, project, 1)
    set_variants(client, project, AFTER)
    before = fake_aws.find_rows("main"), fake_aws.find_rows("audit"), fake_aws.list_keys("variants")
    answer = sync_variants(client, project, "?dryRun=true", headers={"idempotency-key": "key"})

    assert answer.status == 200
    assert (fake_aws.find_rows("main"), fake_aws.find_rows("audit"), fake_aws.list_keys("variants")) == before
    assert fake_aws.receive_messages("work") == []
    assert sync_variants(client, project, headers={"idempotency-key": "key"}).status == 202


def test_an_empty_project_has_nothing_to_do(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    told = estimate_sync(client, project)

    assert (select_counts(told), told["estimatedSeconds"], told["estimatedDollars"], told["exact"]) == (
        NO_CHANGES,
        0,
        0,
        True,
    )
    assert sync_variants(client, project).status == 202
    run_until_drained(fake_aws)
    assert [each["status"] for each in fake_aws.find_rows("main", record_type="job")] == ["completed"]


def test_of_many_images_it_is_an_estimate(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.variants.sync._MAX_SAMPLED_IMAGES", 2)
    monkeypatch.setattr("holdall.variants.sync._PAGE_SIZE", 2)
    fake_aws.upload_photos(client, project, 4)
    set_variants(client, project, AFTER)
    told = estimate_sync(client, project)

    assert select_counts(told) == {"files": 4, "variantsToMake": 8, "variantsToDrop": 8}
    assert told["exact"] is False


def test_it_is_exact_where_all_were_looked_at(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.variants.sync._MAX_SAMPLED_IMAGES", 2)
    monkeypatch.setattr("holdall.variants.sync._PAGE_SIZE", 1)
    fake_aws.upload_photos(client, project, 2)
    set_variants(client, project, AFTER)

    assert estimate_sync(client, project)["exact"] is True


def test_the_job_makes_and_drops(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    same = next(key for key in fake_aws.list_keys("variants", project["id"]) if "/same/" in key)
    stamp = fake_aws.s3.head_object(Bucket="variants", Key=same)["LastModified"]
    set_variants(client, project, AFTER)
    answer = sync_variants(client, project)
    assert answer.status == 202
    run_until_drained(fake_aws)

    (job,) = fake_aws.find_rows("main", record_type="job", id=answer.data()["jobId"])
    assert (job["kind"], job["status"]) == ("sync-project", "completed")
    assert variant_statuses(client, file_id) == {"same": "ready", "other": "ready", "new": "ready"}
    urls = [each["url"].removeprefix("https://files.example.test/") for each in get_file(client, file_id)["variants"]]
    assert sorted(fake_aws.list_keys("variants", project["id"])) == sorted(urls)
    assert fake_aws.s3.head_object(Bucket="variants", Key=same)["LastModified"] == stamp
    assert select_counts(estimate_sync(client, project)) == NO_CHANGES
    (row,) = fake_aws.find_rows("audit", action="variants.sync")
    assert (row["actor"], row["target"]) == (client.user["id"], project["id"])
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_usage_moves_with_it(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload_photos(client, project, 2)
    assert get_variant_usage(client, project) == {"bytes": 42, "count": 6}
    set_variants(client, project, [SAME])
    sync_variants(client, project).data()
    run_until_drained(fake_aws)
    assert get_variant_usage(client, project) == {"bytes": 14, "count": 2}
    set_variants(client, project, AFTER)
    sync_variants(client, project).data()
    run_until_drained(fake_aws)

    assert get_variant_usage(client, project) == {"bytes": 42, "count": 6}


def test_once_more_does_nothing(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    set_variants(client, project, AFTER)
    sync_variants(client, project).data()
    run_until_drained(fake_aws)
    before = get_file(client, file_id), fake_aws.list_keys("variants"), len(fake_aws.find_rows("main", kind="render"))
    sync_variants(client, project).data()
    run_until_drained(fake_aws)

    assert (
        get_file(client, file_id),
        fake_aws.list_keys("variants"),
        len(fake_aws.find_rows("main", kind="render")),
    ) == before


def test_a_request_that_is_repeated_is_one_job(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    first, second = (
        sync_variants(client, project, headers={"idempotency-key": "key"}).data()["jobId"] for _ in range(2)
    )

    assert first == second
    assert len(fake_aws.find_rows("main", record_type="job")) == 1


def test_a_job_of_many_parts_does_all(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.variants.sync._BATCH_SIZE", 1)
    made = fake_aws.upload_photos(client, project, 3)
    set_variants(client, project, AFTER)
    sync_variants(client, project).data()
    run_until_drained(fake_aws)

    assert [set(variant_statuses(client, each)) for each in made] == [{"same", "other", "new"}] * 3
    assert select_counts(estimate_sync(client, project)) == NO_CHANGES


def test_others_are_left_alone(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    said = {"name": "Other", "settings": {"visibility": "public", "variants": BEFORE}}
    other = client.post("/projects", said).created()
    fake_aws.upload_photos(client, project, 1)
    fake_aws.upload_photos(client, other, 1)
    before = fake_aws.list_keys("variants", other["id"])
    set_variants(client, project, [])
    sync_variants(client, project).data()
    run_until_drained(fake_aws)

    assert fake_aws.list_keys("variants", project["id"]) == []
    assert fake_aws.list_keys("variants", other["id"]) == before


def test_what_lies_in_the_trash_and_older_versions_stay(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    live, trashed = fake_aws.upload_photos(client, project, 2)
    fake_aws.upload(client, make_photo(color="red"), projectId=project["id"], fileId=live)
    fake_aws.render_images()
    client.delete(f"/files/{trashed}").data()
    set_variants(client, project, [SAME])
    assert select_counts(estimate_sync(client, project)) == {"files": 1, "variantsToMake": 0, "variantsToDrop": 2}
    sync_variants(client, project).data()
    run_until_drained(fake_aws)

    assert set(variant_statuses(client, live)) == {"same"}
    assert set(variant_statuses(client, trashed)) == {"same", "other", "gone"}
    assert len(fake_aws.list_keys("variants", project["id"])) == 1 + 3 + 3
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_an_image_that_waits_to_be_drawn_is_drawn_by_the_new_settings(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=project["id"])["fileId"]
    set_variants(client, project, AFTER)
    assert select_counts(estimate_sync(client, project)) == NO_CHANGES
    sync_variants(client, project).data()
    run_until_drained(fake_aws)

    assert variant_statuses(client, file_id) == {"same": "ready", "other": "ready", "new": "ready"}
    invariants.assert_project_consistent(fake_aws, project["id"])


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 202), ("owner", 202)])
def test_editors_bring_variants_up(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], role: str, status: int
) -> None:
    member = projects.create_member(client, project["id"], fake_aws, role)

    assert sync_variants(member, project).status == status
    assert sync_variants(member, project, "?dryRun=true").status == (403 if status == 403 else 200)


def test_a_stranger_finds_nothing(stranger: Client, project: dict[str, Any]) -> None:
    assert sync_variants(stranger, project).status == 404
    assert sync_variants(stranger, project, "?dryRun=true").status == 404


def test_a_key_brings_variants_up_by_its_scope(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    may, may_not = (
        projects.create_api_key_client(client, project["id"], scope) for scope in ("variants.sync", "files.write")
    )

    assert sync_variants(may, project).status == 202
    assert sync_variants(may_not, project).status == 403
    (row,) = fake_aws.find_rows("audit", action="variants.sync")
    assert row["key"] == may.key_id


@pytest.mark.parametrize("query", ["?dryRun=maybe", "?dryRun=", "?dryrun=true", "?dry_run=true"])
def test_a_dry_run_is_asked_for_clearly(client: Client, fake_aws: FakeAws, project: dict[str, Any], query: str) -> None:
    assert sync_variants(client, project, query).status == 422
    assert fake_aws.find_rows("main", record_type="job") == []
