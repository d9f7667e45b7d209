"""Forms with a file (RFC 7578)."""

BOUNDARY = "boundary"
FORM_HEADERS = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def make_form(*parts: bytes) -> bytes:
    """Return the body of a form."""
    return b"".join(b"--boundary\r\n%b\r\n" % part for part in parts) + b"--boundary--\r\n"


def make_part(
    content: bytes, *, disposition: str = 'name="file"; filename="letter.txt"', content_type: str | None = "text/plain"
) -> bytes:
    """Return a part of a form."""
    headers = f"Content-Disposition: form-data; {disposition}\r\n"
    headers += f"Content-Type: {content_type}\r\n" if content_type else ""
    return headers.encode() + b"\r\n" + content
