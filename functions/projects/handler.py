"""Projects."""

from functions.projects import keys, members, projects, usage
from holdall.http import Api

handler = Api("projects", projects.router, members.router, keys.router, usage.router)
