"""Direct uploads: raw bodies, and forms with a file (RFC 7578)."""

from tests.support.client import Client, Response

CONTENT = b"Dear reader"
FORM = "multipart/form-data; boundary=boundary"


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


def upload_raw(
    client: Client, content: bytes = CONTENT, query: str = "filename=letter.txt", *, to: str = "file", **headers: str
) -> Response:
    """Upload a text unless overridden. An underscore in the name of a header is a hyphen."""
    names = {name.replace("_", "-"): value for name, value in ({"content_type": "text/plain"} | headers).items()}
    return client.post(f"/upload/{to}?{query}", raw=content, headers=names)


def upload_form(client: Client, *parts: bytes, query: str = "", to: str = "file", **headers: str) -> Response:
    """Upload a form. An underscore in the name of a header is a hyphen."""
    return upload_raw(client, make_form(*parts), query, to=to, **{"content_type": FORM, **headers})
