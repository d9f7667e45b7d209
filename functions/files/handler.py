"""Files, health and documents; and whatever no other function knows."""

from functions.files import docs, files, health
from holdall.http import HttpApp

handler = HttpApp("files", files.router, health.router, docs.router)
