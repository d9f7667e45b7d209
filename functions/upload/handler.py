"""Uploads."""

from functions.upload import uploads
from holdall.http import HttpApp

handler = HttpApp("upload", uploads.router)
