"""Bringing variants up to the settings: told beforehand to the number, then done by a job, and done once."""

from typing import Any

import pytest

from tests.api import books, members
from tests.api.client import Answer, Client
from tests.api.cloud import WELL, Cloud, photo
from tests.api.test_shelves import file_of

SAME = {"name": "same", "width": 5}
BEFORE = [SAME, {"name": "other", "width": 6}, {"name": "gone", "width": 7}]
AFTER = [SAME, {"name": "other", "width": 60}, {"name": "new", "width": 8}]  # one changed, one dropped, one added
NOTHING = {"files": 0, "variantsToMake": 0, "variantsToDrop": 0}


@pytest.fixture
def project(client: Client) -> dict[str, Any]:
    """A public project with three variants."""
    said = {"name": "Holiday", "settings": {"visibility": "public", "variants": BEFORE}}
    made: dict[str, Any] = client.post("/projects", said).created()
    return made


def wish(client: Client, project: dict[str, Any], specs: list[dict[str, Any]]) -> None:
    client.request("PUT", f"/projects/{project['id']}", {"settings": {"variants": specs}}).data()


def sync(client: Client, project: dict[str, Any], query: str = "", **more: Any) -> Answer:
    return client.post(f"/projects/{project['id']}/sync-variants{query}", **more)


def dry(client: Client, project: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = sync(client, project, "?dryRun=true").data()
    return told


def numbers(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in NOTHING}


def settle(cloud: Cloud) -> None:
    """Let maintenance and imageproc do all that they are told."""
    for _ in range(20):
        messages = cloud.waiting("work")
        for message in messages:
            assert cloud.deliver("maintenance", message) == WELL
        cloud.draw()
        if not messages:
            return
    pytest.fail("It never ends.")


def names(client: Client, file_id: str) -> dict[str, str]:
    return {each["name"]: each["status"] for each in file_of(client, file_id)["variants"]}


def used(client: Client, project: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/projects/{project['id']}/usage").data()["variants"]
    return found


def test_a_dry_run_tells_to_the_number(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    cloud.photos(client, project, 3)
    cloud.upload(client, b"notes", projectId=project["id"], filename="a.txt", contentType="text/plain")
    assert numbers(dry(client, project)) == NOTHING
    wish(client, project, AFTER)
    told = dry(client, project)

    assert numbers(told) == {"files": 3, "variantsToMake": 6, "variantsToDrop": 6}
    assert told["exact"] is True
    assert told["estimatedSeconds"] > 0
    assert told["estimatedDollars"] > 0


@pytest.mark.parametrize(
    ("specs", "make", "drop"),
    [([*BEFORE, {"name": "new", "width": 8}], 1, 0), (BEFORE[:2], 0, 1), ([], 0, 3), (BEFORE[::-1], 0, 0)],
    ids=["added", "dropped", "all dropped", "in another order"],
)
def test_each_change_is_told(
    client: Client, cloud: Cloud, project: dict[str, Any], specs: Any, make: int, drop: int
) -> None:
    cloud.photos(client, project, 1)
    wish(client, project, specs)

    touched = int(bool(make or drop))
    assert numbers(dry(client, project)) == {"files": touched, "variantsToMake": make, "variantsToDrop": drop}


def test_a_dry_run_writes_nothing(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    cloud.photos(client, project, 1)
    wish(client, project, AFTER)
    before = cloud.rows("main"), cloud.rows("audit"), cloud.keys("variants")
    answer = sync(client, project, "?dryRun=true", headers={"idempotency-key": "key"})

    assert answer.status == 200
    assert (cloud.rows("main"), cloud.rows("audit"), cloud.keys("variants")) == before
    assert cloud.waiting("work") == []
    assert sync(client, project, headers={"idempotency-key": "key"}).status == 202


def test_an_empty_project_has_nothing_to_do(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    told = dry(client, project)

    assert (numbers(told), told["estimatedSeconds"], told["estimatedDollars"], told["exact"]) == (NOTHING, 0, 0, True)
    assert sync(client, project).status == 202
    settle(cloud)
    assert [each["status"] for each in cloud.rows("main", record_kind="job")] == ["completed"]


def test_of_many_images_it_is_an_estimate(
    client: Client, cloud: Cloud, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.variants.sync._LOOKED_AT", 2)
    monkeypatch.setattr("holdall.variants.sync._PAGE", 2)
    cloud.photos(client, project, 4)
    wish(client, project, AFTER)
    told = dry(client, project)

    assert numbers(told) == {"files": 4, "variantsToMake": 8, "variantsToDrop": 8}
    assert told["exact"] is False


def test_it_is_exact_where_all_were_looked_at(
    client: Client, cloud: Cloud, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.variants.sync._LOOKED_AT", 2)
    monkeypatch.setattr("holdall.variants.sync._PAGE", 1)
    cloud.photos(client, project, 2)
    wish(client, project, AFTER)

    assert dry(client, project)["exact"] is True


def test_the_job_makes_and_drops(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    (file_id,) = cloud.photos(client, project, 1)
    same = next(key for key in cloud.keys("variants", project["id"]) if "/same/" in key)
    stamp = cloud.s3.head_object(Bucket="variants", Key=same)["LastModified"]
    wish(client, project, AFTER)
    answer = sync(client, project)
    assert answer.status == 202
    settle(cloud)

    (job,) = cloud.rows("main", record_kind="job", id=answer.data()["jobId"])
    assert (job["kind"], job["status"]) == ("sync-project", "completed")
    assert names(client, file_id) == {"same": "ready", "other": "ready", "new": "ready"}
    urls = [each["url"].removeprefix("https://files.example.test/") for each in file_of(client, file_id)["variants"]]
    assert sorted(cloud.keys("variants", project["id"])) == sorted(urls)
    assert cloud.s3.head_object(Bucket="variants", Key=same)["LastModified"] == stamp
    assert numbers(dry(client, project)) == NOTHING
    (row,) = cloud.rows("audit", action="variants.sync")
    assert (row["actor"], row["target"]) == (client.user["id"], project["id"])
    books.check(cloud, project["id"])


def test_usage_moves_with_it(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    cloud.photos(client, project, 2)
    assert used(client, project) == {"bytes": 42, "count": 6}
    wish(client, project, [SAME])
    sync(client, project).data()
    settle(cloud)
    assert used(client, project) == {"bytes": 14, "count": 2}
    wish(client, project, AFTER)
    sync(client, project).data()
    settle(cloud)

    assert used(client, project) == {"bytes": 42, "count": 6}


def test_once_more_does_nothing(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    (file_id,) = cloud.photos(client, project, 1)
    wish(client, project, AFTER)
    sync(client, project).data()
    settle(cloud)
    before = file_of(client, file_id), cloud.keys("variants"), len(cloud.rows("main", kind="render"))
    sync(client, project).data()
    settle(cloud)

    assert (file_of(client, file_id), cloud.keys("variants"), len(cloud.rows("main", kind="render"))) == before


def test_a_request_that_is_repeated_is_one_job(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    first, second = (sync(client, project, headers={"idempotency-key": "key"}).data()["jobId"] for _ in range(2))

    assert first == second
    assert len(cloud.rows("main", record_kind="job")) == 1


def test_a_job_of_many_parts_does_all(
    client: Client, cloud: Cloud, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.variants.sync._AT_ONCE", 1)
    made = cloud.photos(client, project, 3)
    wish(client, project, AFTER)
    sync(client, project).data()
    settle(cloud)

    assert [set(names(client, each)) for each in made] == [{"same", "other", "new"}] * 3
    assert numbers(dry(client, project)) == NOTHING


def test_others_are_left_alone(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    said = {"name": "Other", "settings": {"visibility": "public", "variants": BEFORE}}
    other = client.post("/projects", said).created()
    cloud.photos(client, project, 1)
    cloud.photos(client, other, 1)
    before = cloud.keys("variants", other["id"])
    wish(client, project, [])
    sync(client, project).data()
    settle(cloud)

    assert cloud.keys("variants", project["id"]) == []
    assert cloud.keys("variants", other["id"]) == before


def test_what_lies_in_the_trash_and_older_versions_stay(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    live, trashed = cloud.photos(client, project, 2)
    cloud.upload(client, photo(colour="red"), projectId=project["id"], fileId=live)
    cloud.draw()
    client.delete(f"/files/{trashed}").data()
    wish(client, project, [SAME])
    assert numbers(dry(client, project)) == {"files": 1, "variantsToMake": 0, "variantsToDrop": 2}
    sync(client, project).data()
    settle(cloud)

    assert set(names(client, live)) == {"same"}
    assert set(names(client, trashed)) == {"same", "other", "gone"}
    assert len(cloud.keys("variants", project["id"])) == 1 + 3 + 3
    books.check(cloud, project["id"])


def test_an_image_that_waits_to_be_drawn_is_drawn_by_the_new_settings(
    client: Client, cloud: Cloud, project: dict[str, Any]
) -> None:
    file_id = cloud.upload(client, photo(), projectId=project["id"])["fileId"]
    wish(client, project, AFTER)
    assert numbers(dry(client, project)) == NOTHING
    sync(client, project).data()
    settle(cloud)

    assert names(client, file_id) == {"same": "ready", "other": "ready", "new": "ready"}
    books.check(cloud, project["id"])


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 202), ("owner", 202)])
def test_editors_bring_variants_up(
    client: Client, cloud: Cloud, project: dict[str, Any], role: str, status: int
) -> None:
    member = members.joined(client, project["id"], cloud, role)

    assert sync(member, project).status == status
    assert sync(member, project, "?dryRun=true").status == (403 if status == 403 else 200)


def test_a_stranger_finds_nothing(stranger: Client, project: dict[str, Any]) -> None:
    assert sync(stranger, project).status == 404
    assert sync(stranger, project, "?dryRun=true").status == 404


def test_a_key_brings_variants_up_by_its_scope(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    may, may_not = (members.program(client, project["id"], scope) for scope in ("variants.sync", "files.write"))

    assert sync(may, project).status == 202
    assert sync(may_not, project).status == 403
    (row,) = cloud.rows("audit", action="variants.sync")
    assert row["key"] == may.id


@pytest.mark.parametrize("query", ["?dryRun=maybe", "?dryRun=", "?dryrun=true", "?dry_run=true"])
def test_a_dry_run_is_asked_for_clearly(client: Client, cloud: Cloud, project: dict[str, Any], query: str) -> None:
    assert sync(client, project, query).status == 422
    assert cloud.rows("main", record_kind="job") == []
