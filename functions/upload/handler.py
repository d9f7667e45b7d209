"""Uploads."""

from functions.upload import uploads
from holdall.http import Api

handler = Api("upload", uploads.router)
