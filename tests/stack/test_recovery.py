"""What goes on after something went wrong: a message that was lost, or that came twice."""

from tests.stack import pictures
from tests.stack.client import Client
from tests.stack.state import State
from tests.stack.work import comes_true, finished, new_project, upload


def test_a_job_whose_message_was_lost_is_sent_again(client: Client, state: State) -> None:
    project_id = new_project(client)
    file = finished(client, upload(client, pictures.photo(70), projectId=project_id)["fileId"])
    state.settle()
    (job,) = state.jobs(project_id)
    state.lose_message(job["id"])

    state.invoke("maintenance", {"task": "send-pending-jobs"})
    comes_true(lambda: state.jobs(project_id)[0]["status"] == "completed")

    (job,) = state.jobs(project_id)
    assert job["attempt"] == 2
    assert client.get(f"/files/{file['id']}").data()["variants"] == file["variants"]
    assert len(state.variants(project_id)) == 1


def test_a_job_that_somebody_holds_is_left_alone(client: Client, state: State) -> None:
    project_id = new_project(client)
    finished(client, upload(client, pictures.photo(71), projectId=project_id)["fileId"])
    state.settle()
    (before,) = state.jobs(project_id)

    for _ in range(2):
        state.tell_images(before["id"])
    state.settle()

    assert state.jobs(project_id) == [before]
