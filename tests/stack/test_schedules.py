"""What a deployed Holdall does by itself when its time has come, by the rights that its function has."""

from datetime import UTC, datetime, timedelta

from tests.stack import pictures
from tests.stack.client import Client, Server, signed_in
from tests.stack.post import Post
from tests.stack.state import State
from tests.stack.work import begin, comes_true, finished, new_project, upload


def test_a_project_that_was_deleted_a_month_ago_is_purged(client: Client, state: State) -> None:
    project_id, photo = new_project(client), pictures.photo(47)
    finished(client, upload(client, photo, projectId=project_id)["fileId"])
    begin(client, photo, projectId=project_id)
    client.delete(f"/projects/{project_id}").data()
    state.invoke("maintenance", {"task": "purge-projects"})
    state.settle()
    assert len(state.originals(project_id)) == len(state.variants(project_id)) == 1

    state.change(f"PROJECT#{project_id}", "PROJECT", rank=f"{_before(timedelta(days=31))}#{project_id}")
    state.invoke("maintenance", {"task": "purge-projects"})

    comes_true(lambda: state.rows(f"PROJECT#{project_id}") == [])
    assert (state.originals(project_id), state.variants(project_id)) == ([], [])


def test_an_invitation_whose_letter_was_lost_is_posted_with_another_secret(
    client: Client, direct: Server, post: Post, state: State
) -> None:
    project_id, other = new_project(client), signed_in(direct)
    client.post(f"/projects/{project_id}/invitations", {"email": other.email, "role": "viewer"}).data()
    lost = post.token(other.email)
    (row,) = [row for row in state.rows(f"PROJECT#{project_id}") if row["sk"].startswith("INVITATION#")]
    waiting = {"owner": "INVITATIONS#unposted", "position": f"{_before(timedelta(minutes=1))}#{row['id']}"}
    state.change(row["pk"], row["sk"], **waiting)

    state.invoke("maintenance", {"task": "post-invitations"})

    token = post.token(other.email, count=2)
    other.post("/invitations/accept", {"token": lost}).problem(401, "invalid_token")
    other.post("/invitations/accept", {"token": token}).data()
    assert other.get(f"/projects/{project_id}").status == 200


def _before(time: timedelta) -> str:
    """A moment of the past, as positions tell it."""
    return (datetime.now(UTC) - time).isoformat(timespec="milliseconds")
