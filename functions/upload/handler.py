"""The Lambda function that starts and commits uploads."""

from functions.upload import uploads
from holdall.http.app import HttpApp

handler = HttpApp("upload", uploads.router)
