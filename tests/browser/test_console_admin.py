"""The administration in the console: users, roles, the audit log, jobs, tasks and health."""

import json
import re
import secrets
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.console import Console
from tests.support.e2e.actions import create_superuser, upload_file, wait_for
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server, create_client, new_email
from tests.support.e2e.mailbox import Mailbox
from tests.support.image_samples import make_truncated_jpeg
from tests.support.recorded_page import RecordedPage

_PAGES = ("users", "roles", "audit", "jobs?show=all", "tasks", "health")


@pytest.fixture(scope="session")
def superuser(api: Server, deployment: E2EEnvironment) -> Client:
    return create_superuser(api, AwsState.from_deployment(deployment))


@pytest.fixture
def console(recorded_page: RecordedPage, deployment: E2EEnvironment, superuser: Client) -> Console:
    """Return the console of the superuser."""
    console = Console.open(recorded_page, deployment)
    console.sign_in(superuser.email)
    return console


@pytest.fixture
def role(superuser: Client) -> str:
    """Return a role that reads users and the audit log. Its description, and that of a permission, is one long word."""
    long_word = "W" * 200
    superuser.post("/permissions", {"name": f"{unique_role_name()}.read", "description": long_word}).data()
    body = {"name": unique_role_name(), "description": long_word, "permissions": ["audit.read", "users.read"]}
    return str(superuser.post("/roles", body).data()["name"])


def unique_role_name() -> str:
    return f"role-{secrets.token_hex(4)}"


def go_to(console: Console, path: str) -> None:
    """Open a page, and wait until it has read everything: the next one would abort its requests."""
    console.goto(path)
    console.page.wait_for_load_state("networkidle")


def links(console: Console) -> Locator:
    return console.page.get_by_role("navigation", name="Admin", exact=True).get_by_role("link")


def test_superuser_invites_a_user_who_is_told_as_invited(console: Console, mailbox: Mailbox) -> None:
    page, email = console.page, new_email()
    page.get_by_role("link", name="Admin").click()
    expect(page).to_have_url(re.compile("/admin/users$"))
    page.get_by_role("button", name="Invite someone").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("checkbox", name="admin")).to_be_visible()
    console.check_accessibility()
    dialog.get_by_label("Email").fill(email)
    dialog.get_by_label("Name").fill("Grace")
    dialog.get_by_role("button", name="Send invitation").click()
    assert "/accept-invitation#" in mailbox.wait_for_email(email).links[0]

    page.get_by_label("Find by email address").fill(email)
    page.get_by_role("button", name="Find").click()
    expect(page).to_have_url(re.compile(r"\?email="))
    page.get_by_role("link", name=email).click()
    expect(page).to_have_url(re.compile("/admin/users/[0-9a-z]{26}$"))
    expect(page.get_by_role("heading", name="Grace")).to_be_visible()
    expect(page.get_by_text("Invited", exact=True)).to_be_visible()
    page.get_by_role("button", name="Send the invitation again").click()
    expect(page.get_by_text("A new invitation is on its way")).to_be_visible()
    mailbox.wait_for_token(email, count=2)
    page.go_back()
    expect(page.get_by_label("Find by email address")).to_have_value(email)
    assert console.recorded.errors == []


def test_role_is_made_in_the_grid_granted_and_found_in_the_audit_log(
    console: Console, client: Client, tmp_path: Path
) -> None:
    page, name = console.page, unique_role_name()
    go_to(console, "/admin/roles")
    page.get_by_role("button", name="New role").click()
    page.get_by_role("dialog").get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make role").click()
    box = page.get_by_role("checkbox", name=f"{name}: Read users and explain their permissions")
    box.check()
    expect(page.get_by_text("1 change not saved")).to_be_visible()
    console.check_accessibility()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("The roles are saved.")).to_be_visible()
    page.reload()
    expect(box).to_be_checked()

    user_id = client.get("/auth/me").data()["id"]
    assert client.get("/users").status == 403
    go_to(console, f"/admin/users/{user_id}")
    page.get_by_label("Grant a role").select_option(name)
    page.get_by_role("button", name="Grant role").click()
    expect(page.get_by_role("button", name=f"Revoke {name}")).to_be_visible()
    assert client.get("/users").status == 200

    go_to(console, "/admin/audit")
    page.get_by_role("combobox", name="Show").select_option("what was done to someone or something")
    page.get_by_label("Email address or ID").fill(client.email)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(re.compile(f"target={user_id}"))
    entry = page.get_by_role("listitem").filter(has_text="Granted a role")
    expect(entry).to_have_count(1)
    expect(entry).to_contain_text(client.email)
    entry.locator("summary").click()
    expect(entry.get_by_text("users.roles.add")).to_be_visible()
    console.check_accessibility()

    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    file = tmp_path / "audit.jsonl"
    download.value.save_as(file)
    exported = [json.loads(line) for line in file.read_text().splitlines()]
    assert {each["target"] for each in exported} == {user_id}
    assert "users.roles.add" in [each["action"] for each in exported]
    assert console.recorded.errors == []


def test_role_that_someone_has_is_not_deleted_and_the_reason_is_told(
    console: Console, superuser: Client, client: Client, role: str
) -> None:
    page, user_id = console.page, client.get("/auth/me").data()["id"]
    superuser.post(f"/users/{user_id}/roles", {"role": role}).data()
    go_to(console, f"/admin/roles/{role}")
    page.get_by_role("button", name="Delete role").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete role").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Users have this role")
    dialog.get_by_role("button", name="Cancel").click()

    go_to(console, f"/admin/users/{user_id}")
    page.get_by_role("button", name=f"Revoke {role}").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke role").click()
    expect(page.get_by_role("button", name=f"Revoke {role}")).to_have_count(0)
    go_to(console, f"/admin/roles/{role}")
    page.get_by_role("button", name="Delete role").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete role").click()
    expect(page).to_have_url(re.compile("/admin/roles$"))
    assert superuser.get(f"/roles/{role}").status == 404


def test_permission_of_the_installation_is_made_given_to_a_role_and_deleted_when_no_role_has_it(
    console: Console, role: str
) -> None:
    page, name = console.page, f"billing-{secrets.token_hex(4)}.read"
    go_to(console, "/admin/roles")
    page.get_by_role("button", name="New permission").click()
    page.get_by_role("dialog").get_by_label("Name").fill(name)
    page.get_by_role("dialog").get_by_label("What does it allow?").fill(f"Read bills by {name}.")
    page.get_by_role("button", name="Make permission").click()
    box = page.get_by_role("checkbox", name=f"{role}: Read bills by {name}")
    box.check()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("The roles are saved.")).to_be_visible()

    delete, dialog = page.get_by_role("button", name=f"Delete {name}"), page.get_by_role("dialog")
    delete.click()
    dialog.get_by_role("button", name="Delete permission").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Roles have this permission")
    dialog.get_by_role("button", name="Cancel").click()
    box.uncheck()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("not saved")).to_have_count(0)
    delete.click()
    dialog.get_by_role("button", name="Delete permission").click()
    expect(delete).to_have_count(0)


def test_changes_in_the_grid_are_not_lost_by_leaving_unasked(console: Console, superuser: Client, role: str) -> None:
    page = console.page
    go_to(console, "/admin/roles")
    page.get_by_role("checkbox", name=f"{role}: Create projects").check()
    page.get_by_role("navigation", name="Admin", exact=True).get_by_role("link", name="Users").click()
    page.get_by_role("dialog", name="Leave without saving?").get_by_role("button", name="Stay").click()
    expect(page.get_by_text("1 change not saved")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("navigation", name="Admin", exact=True).get_by_role("link", name="Users").click()
    expect(page).to_have_url(re.compile("/admin/users$"))
    assert superuser.get(f"/roles/{role}").data()["permissions"] == ["audit.read", "users.read"]


def test_audit_log_is_paged_in_both_directions_and_back_leads_where_one_was(
    console: Console, superuser: Client, role: str
) -> None:
    page, changes = console.page, 55
    for number in range(changes):
        superuser.request("PATCH", f"/roles/{role}", {"description": f"Change {number}"}).data()
    go_to(console, f"/admin/audit?target={role}")
    entries = page.get_by_role("listitem").filter(has_text=role)
    expect(entries).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(entries).to_have_count(changes + 1 - 50)
    expect(entries.last).to_contain_text("Made a role")
    page.reload()
    expect(entries).to_have_count(changes + 1 - 50)
    page.get_by_role("link", name="Newer").click()
    expect(entries).to_have_count(50)
    page.go_back()
    expect(entries.last).to_contain_text("Made a role")

    page.get_by_label("To", exact=True).fill("2020-01-01")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("heading", name="Nothing was logged")).to_be_visible()
    expect(page).to_have_url(re.compile(f"target={role}&to=2020-01-01$"))
    assert console.recorded.errors == []


def test_built_in_role_can_be_read_only(console: Console) -> None:
    go_to(console, "/admin/roles/admin")
    expect(console.page.get_by_text("It comes with Holdall and cannot be changed.")).to_be_visible()
    expect(console.page.get_by_text("Read and export the audit log")).to_be_visible()
    expect(console.page.get_by_role("checkbox")).to_have_count(0)
    expect(console.page.get_by_role("button", name="Delete role")).to_have_count(0)


def test_user_is_disabled_enabled_and_deleted(console: Console, client: Client) -> None:
    page, user_id = console.page, client.get("/auth/me").data()["id"]
    go_to(console, f"/admin/users/{user_id}")
    page.get_by_role("button", name="Disable account").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable account").click()
    expect(page.get_by_text("Disabled", exact=True)).to_be_visible()
    assert client.get("/auth/me").status == 401
    page.get_by_role("button", name="Enable account").click()
    expect(page.get_by_text("Active", exact=True)).to_be_visible()

    page.get_by_role("button", name="Delete account").click()
    expect(page.get_by_role("dialog")).to_contain_text("This cannot be undone.")
    console.check_accessibility()
    page.get_by_role("dialog").get_by_role("button", name="Delete account").click()
    expect(page).to_have_url(re.compile("/admin/users$"))
    go_to(console, f"/admin/users/{user_id}")
    expect(page.get_by_role("heading", name="Not here, or not yours")).to_be_visible()


def test_failed_job_is_found_by_its_project_and_tried_again(console: Console, client: Client) -> None:
    page, name = console.page, f"Holiday {secrets.token_hex(4)}"
    project_id = client.post("/projects", {"name": name}).data()["id"]
    upload_file(client, make_truncated_jpeg(), projectId=project_id)
    wait_for(lambda: bool(client.get(f"/jobs?projectId={project_id}&status=failed").data()))
    go_to(console, "/admin/jobs")
    row = page.get_by_role("listitem").filter(has_text=name)
    expect(row).to_contain_text("1 failed")
    row.locator("summary").click()
    expect(row.get_by_text("This image could not be read: its data is damaged.")).to_be_visible()
    console.check_accessibility()

    row.get_by_role("button", name="Retry").click()
    expect(row.get_by_text("2 attempts")).to_be_visible(timeout=60_000)
    assert client.get(f"/jobs?projectId={project_id}&status=failed").data()[0]["attempts"] == 2
    assert console.recorded.errors == []


def test_task_runs_dry_and_its_report_can_be_read(console: Console, superuser: Client) -> None:
    page = console.page
    go_to(console, "/admin/tasks")
    card = page.get_by_role("region", name="Look for leftovers")
    card.get_by_role("button", name="Dry run").click()
    expect(page.get_by_text("Look for leftovers: the dry run is done")).to_be_visible(timeout=120_000)
    report = card.get_by_text("Last run on request, as a dry run").locator("xpath=../..")
    expect(report.get_by_text("Done", exact=True)).to_be_visible()
    expect(report.get_by_text("Objects looked at")).to_be_visible()
    expect(report).to_contain_text(f"by {superuser.email}")
    console.check_accessibility()

    card.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("dialog")).to_contain_text("This cannot be undone.")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    (run,) = (each["lastRequest"] for each in superuser.get("/admin/tasks").data() if each["name"] == "sweep")
    assert run["dryRun"]
    assert console.recorded.errors == []


def test_user_without_permissions_sees_no_admin_and_a_clear_page_at_its_address(
    recorded_page: RecordedPage, deployment: E2EEnvironment, client: Client
) -> None:
    console = Console.open(recorded_page, deployment)
    console.sign_in(client.email)
    navigation = console.page.get_by_role("navigation", name="Holdall")
    expect(navigation.get_by_role("link", name="Account")).to_be_visible()
    expect(navigation.get_by_role("link", name="Admin")).to_have_count(0)

    for path in ("", *(f"/{page}" for page in _PAGES), f"/users/{client.get('/auth/me').data()['id']}", "/roles/admin"):
        go_to(console, f"/admin{path}")
        expect(console.page.get_by_role("heading", name="This page is for administrators")).to_be_visible()
        expect(links(console)).to_have_count(0)
    console.check_accessibility()
    assert console.recorded.errors == []  # and nothing was asked that the API refuses


def test_admin_sees_what_they_may_and_changes_no_one_who_has_more(
    recorded_page: RecordedPage, deployment: E2EEnvironment, superuser: Client, api: Server
) -> None:
    admin, page = create_client(api), recorded_page.page
    superuser.post(f"/users/{admin.get('/auth/me').data()['id']}/roles", {"role": "admin"}).data()
    console = Console.open(recorded_page, deployment)
    console.sign_in(admin.email)

    go_to(console, "/admin/tasks")
    expect(page.get_by_text("Only a superuser can start one now.")).to_be_visible()
    expect(page.get_by_role("button", name="Run now")).to_have_count(0)
    go_to(console, "/admin/roles")
    expect(page.get_by_role("columnheader", name="superuser")).to_be_visible()
    expect(page.get_by_role("button", name="New role")).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(0)
    go_to(console, f"/admin/users/{superuser.get('/auth/me').data()['id']}")
    expect(page.get_by_text("They have permissions that you lack")).to_be_visible()
    expect(page.get_by_role("button", name="Disable account")).to_be_disabled()
    expect(page.get_by_role("button", name="Delete account")).to_be_disabled()
    expect(page.get_by_role("button", name="Revoke superuser")).to_have_count(0)
    assert console.recorded.errors == []


def test_user_without_a_role_is_offered_no_new_project(
    recorded_page: RecordedPage, deployment: E2EEnvironment, client: Client, superuser: Client
) -> None:
    console = Console.open(recorded_page, deployment)
    new_project = console.page.get_by_role("button", name="New project")
    console.sign_in(client.email)
    expect(new_project).to_be_visible()
    superuser.delete(f"/users/{client.get('/auth/me').data()['id']}/roles/user")
    assert client.post("/projects", {"name": "Holiday"}).status == 403
    console.page.reload()
    expect(console.page.get_by_text("Your own")).to_be_visible()
    expect(new_project).to_have_count(0)


def test_holder_of_one_permission_sees_only_its_pages(
    recorded_page: RecordedPage, deployment: E2EEnvironment, superuser: Client, client: Client, role: str
) -> None:
    superuser.post(f"/users/{client.get('/auth/me').data()['id']}/roles", {"role": role}).data()
    console = Console.open(recorded_page, deployment)
    console.sign_in(client.email)
    console.page.get_by_role("link", name="Admin").click()
    expect(links(console)).to_have_text(["Users", "Audit", "Health"])
    expect(console.page.get_by_role("button", name="Invite someone")).to_have_count(0)
    go_to(console, "/admin/roles")
    expect(console.page.get_by_role("heading", name="This page is for administrators")).to_be_visible()
    assert console.recorded.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_the_administration_are_accessible_and_fit_a_phone(
    browser: Browser, deployment: E2EEnvironment, superuser: Client, client: Client, role: str, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 375, "height": 720})  # type: ignore[arg-type]
    console = Console.open(RecordedPage(context.new_page()), deployment)
    console.sign_in(superuser.email)
    user_id = client.get("/auth/me").data()["id"]
    for path in (*_PAGES, f"users/{user_id}", f"roles/{role}", "roles/superuser", "users?email=no-one@example.test"):
        go_to(console, f"/admin/{path}")
        expect(console.page.get_by_role("heading", level=1)).to_be_visible()
        console.check_accessibility()
        body = console.page.locator(".body")
        assert body.evaluate("body => body.scrollWidth - body.clientWidth") == 0, path
    assert console.recorded.errors == []
    context.close()
