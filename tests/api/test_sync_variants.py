"""The sync of variants with the settings of a project."""

from typing import Any

import pytest

from tests.support import invariants, projects
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.image_samples import make_photo
from tests.support.variants import get_file, run_until_drained, set_variants, sync_variants, variant_statuses

SAME = {"name": "same", "width": 5}
BEFORE = [SAME, {"name": "other", "width": 6}, {"name": "dropped", "width": 7}]
AFTER = [SAME, {"name": "other", "width": 60}, {"name": "new", "width": 8}]  # one changed, one dropped, one new
NO_CHANGES = {"files": 0, "variantsToMake": 0, "variantsToDrop": 0}


@pytest.fixture
def project(client: Client) -> dict[str, Any]:
    """Return a public project with three variants."""
    body = {"name": "Holiday", "settings": {"visibility": "public", "variants": BEFORE}}
    committed: dict[str, Any] = client.post("/projects", body).created()
    return committed


def estimate_sync(client: Client, project: dict[str, Any]) -> dict[str, Any]:
    estimate: dict[str, Any] = sync_variants(client, project, "?dryRun=true").data()
    return estimate


def select_counts(estimate: dict[str, Any]) -> dict[str, Any]:
    return {name: estimate[name] for name in NO_CHANGES}


def get_variant_usage(client: Client, project: dict[str, Any]) -> dict[str, Any]:
    usage: dict[str, Any] = client.get(f"/projects/{project['id']}/usage").data()["variants"]
    return usage


def test_dry_run_counts_exactly(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload_photos(client, project, 3)
    fake_aws.upload(client, b"notes", projectId=project["id"], filename="a.txt", contentType="text/plain")
    assert select_counts(estimate_sync(client, project)) == NO_CHANGES
    set_variants(client, project, AFTER)
    estimate = estimate_sync(client, project)

    assert select_counts(estimate) == {"files": 3, "variantsToMake": 6, "variantsToDrop": 6}
    assert estimate["exact"] is True
    assert estimate["estimatedSeconds"] > 0
    assert estimate["estimatedDollars"] > 0


@pytest.mark.parametrize(
    ("specs", "make", "drop"),
    [([*BEFORE, {"name": "new", "width": 8}], 1, 0), (BEFORE[:2], 0, 1), ([], 0, 3), (BEFORE[::-1], 0, 0)],
    ids=["added", "dropped", "all dropped", "reordered"],
)
def test_each_change_is_counted(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], specs: Any, make: int, drop: int
) -> None:
    fake_aws.upload_photos(client, project, 1)
    set_variants(client, project, specs)

    affected = int(bool(make or drop))
    assert select_counts(estimate_sync(client, project)) == {
        "files": affected,
        "variantsToMake": make,
        "variantsToDrop": drop,
    }


def test_dry_run_writes_nothing(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload_photos(client, project, 1)
    set_variants(client, project, AFTER)
    before = fake_aws.find_rows("main"), fake_aws.find_rows("audit"), fake_aws.list_keys("variants")
    response = sync_variants(client, project, "?dryRun=true", headers={"idempotency-key": "key"})

    assert response.status == 200
    assert (fake_aws.find_rows("main"), fake_aws.find_rows("audit"), fake_aws.list_keys("variants")) == before
    assert fake_aws.receive_messages("work") == []
    assert sync_variants(client, project, headers={"idempotency-key": "key"}).status == 202


def test_sync_of_an_empty_project_does_nothing(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    estimate = estimate_sync(client, project)

    assert (select_counts(estimate), estimate["estimatedSeconds"], estimate["estimatedDollars"], estimate["exact"]) == (
        NO_CHANGES,
        0,
        0,
        True,
    )
    assert sync_variants(client, project).status == 202
    run_until_drained(fake_aws)
    assert [each["status"] for each in fake_aws.find_rows("main", record_type="job")] == ["completed"]


def test_estimate_of_many_images_is_extrapolated(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.variants.sync._MAX_SAMPLED_IMAGES", 2)
    monkeypatch.setattr("holdall.variants.sync._PAGE_SIZE", 2)
    fake_aws.upload_photos(client, project, 4)
    set_variants(client, project, AFTER)
    estimate = estimate_sync(client, project)

    assert select_counts(estimate) == {"files": 4, "variantsToMake": 8, "variantsToDrop": 8}
    assert estimate["exact"] is False


def test_estimate_of_all_images_is_exact(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.variants.sync._MAX_SAMPLED_IMAGES", 2)
    monkeypatch.setattr("holdall.variants.sync._PAGE_SIZE", 1)
    fake_aws.upload_photos(client, project, 2)
    set_variants(client, project, AFTER)

    assert estimate_sync(client, project)["exact"] is True


def test_sync_renders_and_deletes_variants(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    same = next(key for key in fake_aws.list_keys("variants", project["id"]) if "/same/" in key)
    modified_at = fake_aws.s3.head_object(Bucket="variants", Key=same)["LastModified"]
    set_variants(client, project, AFTER)
    response = sync_variants(client, project)
    assert response.status == 202
    run_until_drained(fake_aws)

    (job,) = fake_aws.find_rows("main", record_type="job", id=response.data()["jobId"])
    assert (job["kind"], job["status"]) == ("sync-project", "completed")
    assert variant_statuses(client, file_id) == {"same": "ready", "other": "ready", "new": "ready"}
    urls = [each["url"].removeprefix("https://files.example.test/") for each in get_file(client, file_id)["variants"]]
    assert sorted(fake_aws.list_keys("variants", project["id"])) == sorted(urls)
    assert fake_aws.s3.head_object(Bucket="variants", Key=same)["LastModified"] == modified_at
    assert select_counts(estimate_sync(client, project)) == NO_CHANGES
    (row,) = fake_aws.find_rows("audit", action="variants.sync")
    assert (row["actor"], row["target"]) == (client.user["id"], project["id"])
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_sync_updates_the_usage(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
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


def test_second_sync_does_nothing(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
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


def test_duplicate_request_starts_one_job(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    first, second = (
        sync_variants(client, project, headers={"idempotency-key": "key"}).data()["jobId"] for _ in range(2)
    )

    assert first == second
    assert len(fake_aws.find_rows("main", record_type="job")) == 1


def test_sync_in_several_runs_is_complete(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.variants.sync._BATCH_SIZE", 1)
    file_ids = fake_aws.upload_photos(client, project, 3)
    set_variants(client, project, AFTER)
    sync_variants(client, project).data()
    run_until_drained(fake_aws)

    assert [set(variant_statuses(client, file_id)) for file_id in file_ids] == [{"same", "other", "new"}] * 3
    assert select_counts(estimate_sync(client, project)) == NO_CHANGES


def test_other_projects_are_not_changed(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    body = {"name": "Other", "settings": {"visibility": "public", "variants": BEFORE}}
    other = client.post("/projects", body).created()
    fake_aws.upload_photos(client, project, 1)
    fake_aws.upload_photos(client, other, 1)
    before = fake_aws.list_keys("variants", other["id"])
    set_variants(client, project, [])
    sync_variants(client, project).data()
    run_until_drained(fake_aws)

    assert fake_aws.list_keys("variants", project["id"]) == []
    assert fake_aws.list_keys("variants", other["id"]) == before


def test_trash_and_older_versions_are_not_changed(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    live, trashed = fake_aws.upload_photos(client, project, 2)
    fake_aws.upload(client, make_photo(color="red"), projectId=project["id"], fileId=live)
    fake_aws.render_images()
    client.delete(f"/files/{trashed}").data()
    set_variants(client, project, [SAME])
    assert select_counts(estimate_sync(client, project)) == {"files": 1, "variantsToMake": 0, "variantsToDrop": 2}
    sync_variants(client, project).data()
    run_until_drained(fake_aws)

    assert set(variant_statuses(client, live)) == {"same"}
    assert set(variant_statuses(client, trashed)) == {"same", "other", "dropped"}
    assert len(fake_aws.list_keys("variants", project["id"])) == 1 + 3 + 3
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_pending_image_is_rendered_with_the_new_settings(
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
def test_sync_requires_the_role_editor(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], role: str, status: int
) -> None:
    member = projects.create_member(client, project["id"], fake_aws, role)

    assert sync_variants(member, project).status == status
    assert sync_variants(member, project, "?dryRun=true").status == (403 if status == 403 else 200)


def test_sync_is_not_found_by_strangers(stranger: Client, project: dict[str, Any]) -> None:
    assert sync_variants(stranger, project).status == 404
    assert sync_variants(stranger, project, "?dryRun=true").status == 404


def test_api_key_needs_the_scope_of_sync(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    with_scope, without_scope = (
        projects.create_api_key_client(client, project["id"], scope) for scope in ("variants.sync", "files.write")
    )

    assert sync_variants(with_scope, project).status == 202
    assert sync_variants(without_scope, project).status == 403
    (row,) = fake_aws.find_rows("audit", action="variants.sync")
    assert row["api_key_id"] == with_scope.key_id


@pytest.mark.parametrize("query", ["?dryRun=maybe", "?dryRun=", "?dryrun=true", "?dry_run=true"])
def test_invalid_flag_is_rejected(client: Client, fake_aws: FakeAws, project: dict[str, Any], query: str) -> None:
    assert sync_variants(client, project, query).status == 422
    assert fake_aws.find_rows("main", record_type="job") == []
