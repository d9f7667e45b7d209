"""Files, health and documents; and whatever no other function knows."""

from functions.files import documents, files, health
from holdall.http import Api

handler = Api("files", files.router, health.router, documents.router)
