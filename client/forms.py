"""Sends a file as a form, as a web page does: first the fields, then the file."""

from urllib3.filepost import choose_boundary, encode_multipart_formdata

from client.models import CreatedUpload
from client.sending import Request
from client.source import SourceFile

_FILE = ("file", ("file", b"", "application/octet-stream"))  # S3 uses the fields instead of this name and type


def form_request(created: CreatedUpload, source: SourceFile) -> Request:
    """Return the request. Only the parts of the form around the file are in memory, not the file.

    The file is last because S3 ignores all fields after it. Source: Amazon S3 API reference, "POST Object".
    """
    boundary = choose_boundary()
    form, content_type = encode_multipart_formdata([*created.fields.items(), _FILE], boundary)
    tail = f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": content_type, "Content-Length": str(len(form) + source.size_bytes)}
    return Request("POST", created.url, headers, 0, source.size_bytes, form.removesuffix(tail), tail)
