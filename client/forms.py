"""Sending a file as a form, which is what a browser's page does: the fields first, the file last."""

from urllib3.filepost import choose_boundary, encode_multipart_formdata

from client.models import CreatedUpload
from client.sending import Request
from client.source import SourceFile

_FILE = ("file", ("file", b"", "application/octet-stream"))  # the upload's own name and type were declared before


def form_request(created: CreatedUpload, source: SourceFile) -> Request:
    """Return what is to be sent: of the form only what stands around the file is in memory, never the file.

    S3 ignores whatever follows the file. Source: Amazon S3 API reference, "POST Object".
    """
    boundary = choose_boundary()
    form, content_type = encode_multipart_formdata([*created.fields.items(), _FILE], boundary)
    tail = f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": content_type, "Content-Length": str(len(form) + source.size_bytes)}
    return Request("POST", created.url, headers, 0, source.size_bytes, form.removesuffix(tail), tail)
