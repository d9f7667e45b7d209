"""The Lambda function that starts and commits uploads, and stores small files."""

from functions import complete_imports
from functions.upload import companion, direct_uploads, uploads
from holdall.http.app import HttpApp

handler = HttpApp("upload", uploads.router, direct_uploads.router, companion.router)
complete_imports()
