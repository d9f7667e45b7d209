"""The Lambda function behind share links: their part of the API, and their page. It serves strangers, so it has the rights that
links need, and no others.
"""

from functions import complete_imports
from functions.shares import links, pages
from functions.shares.rendering import show_problem
from holdall.http.app import HttpApp

handler = HttpApp("shares", links.router, pages.router, error_page=show_problem)
complete_imports()
