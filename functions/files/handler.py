"""The Lambda function behind /files, /health and the documentation. It also answers unknown paths."""

from functions.files import docs, files, health
from holdall.http.app import HttpApp

handler = HttpApp("files", files.router, health.router, docs.router)
