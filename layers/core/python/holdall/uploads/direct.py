"""Direct uploads: small files whose bytes are in the request. They live as other uploads do, in one request."""

import hashlib
from dataclasses import replace
from pathlib import PurePath

from holdall.files import service as files
from holdall.files.model import IMAGE_TYPES
from holdall.platform import clock, ids, storage
from holdall.platform.caller import Caller
from holdall.projects.model import Project
from holdall.uploads.completion import complete
from holdall.uploads.model import DirectUploadResponse, InitUploadRequest, NotAnImage
from holdall.uploads.service import start

UNKNOWN_TYPE = "application/octet-stream"
_TYPES_BY_SUFFIX = {".jpeg": "image/jpeg"} | {f".{extension}": name for name, extension in IMAGE_TYPES.items()}


def upload(caller: Caller, project: Project, request: InitUploadRequest, content: bytes) -> DirectUploadResponse:
    """Create a version with this content. If a request is interrupted, its upload stays open until it expires.

    A duplicate request continues, and has the same result. Raises the errors of `start` and `complete`.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    request = request.model_copy(update={"sha256": sha256})
    started = start(_identify_file(caller, project, request), project, request)
    if started.state == "open" and clock.now() < started.expires_at:
        storage.put_original(
            started.key, content, content_type=started.content_type, sha256=sha256, location=started.location
        )
    file, version_number = complete(project, started, caller)
    return DirectUploadResponse(upload_id=started.id, file_id=file.id, version=version_number, file=files.view(file))


def upload_image(caller: Caller, project: Project, request: InitUploadRequest, content: bytes) -> DirectUploadResponse:
    """Create a version of an image. If its type is unknown, the extension of its name tells it.

    Raises NotAnImage, and the errors of `upload`.
    """
    content_type = request.content_type
    if content_type == UNKNOWN_TYPE:
        content_type = _TYPES_BY_SUFFIX.get(PurePath(request.filename).suffix.lower(), UNKNOWN_TYPE)
    if content_type not in IMAGE_TYPES:
        raise NotAnImage(pointer="/contentType")
    return upload(caller, project, request.model_copy(update={"content_type": content_type}), content)


def _identify_file(caller: Caller, project: Project, request: InitUploadRequest) -> Caller:
    """Return the caller with an Idempotency-Key for this file, in whatever kind of body it comes."""
    if caller.idempotency_key is None:
        return caller
    digest = ids.sha256_hex(f"{project.id} {request.model_dump_json()}")
    return replace(caller, idempotency_key=replace(caller.idempotency_key, body_sha256=digest))
