"""The Lambda function behind /files, /jobs, /admin, /health and the documentation. It also answers unknown paths."""

from functions import complete_imports
from functions.files import docs, files, health, jobs, shares, tasks, trash, versions
from holdall.http.app import HttpApp

handler = HttpApp(
    "files",
    *(files.router, shares.router, trash.router, versions.router, jobs.router, tasks.router),
    *(health.router, docs.router),
)
complete_imports()
