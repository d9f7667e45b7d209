"""Projects."""

from functions.projects import projects
from holdall.http import Api

handler = Api("projects", projects.router)
