"""The Lambda function behind /projects and /invitations."""

from functions import complete_imports
from functions.projects import api_keys, members, projects, usage
from holdall.http.app import HttpApp

handler = HttpApp("projects", projects.router, members.router, api_keys.router, usage.router)
complete_imports()
