"""S3 accepts what was declared, and nothing else: URLs, forms and parts that were changed are refused."""

from datetime import timedelta

from ...api.models import CreatedUpload
from ..answers import Answer
from ..context import Context, plan_of, sha256_of, with_query
from ..sample import TWO_PARTS_BYTES
from ..verdict import require

_SIGNED = 403
_LONGER = str(int(timedelta(hours=1, seconds=1).total_seconds()))


def other_key_is_refused(check: Context) -> None:
    """A URL of one upload does not write another one's object."""
    created, other = check.open_upload(), check.declare()
    url = created.url.replace(created.upload_id, other.upload_id)
    require(url != created.url, "the URL does not name its upload")
    _refused(check, created, check.send(url, check.sample.content, created.headers))


def longer_life_is_refused(check: Context) -> None:
    """A URL cannot be given a longer life."""
    created = check.open_upload()
    url = with_query(created.url, {"X-Amz-Expires": _LONGER})
    _refused(check, created, check.send(url, check.sample.content, created.headers))


def other_signature_is_refused(check: Context) -> None:
    """A URL with another signature, or none, is refused."""
    created = check.open_upload()
    for url in (with_query(created.url, {"X-Amz-Signature": "0" * 64}), created.url.partition("?")[0]):
        _refused(check, created, check.send(url, check.sample.content, created.headers))


def other_method_is_refused(check: Context) -> None:
    """A URL to write an object does not read or delete it."""
    created = check.open_upload()
    for method in ("GET", "DELETE"):
        _refused(check, created, check.send(created.url, b"", created.headers, method))


def other_length_is_refused(check: Context) -> None:
    """Fewer or more bytes than declared are refused."""
    created, content = check.open_upload(), check.sample.content
    for other in (content[:-1], content + b"1"):
        _refused(check, created, check.put(created, other))


def other_type_is_refused(check: Context) -> None:
    """Another type than the declared one is refused."""
    created = check.open_upload()
    _refused(check, created, check.put(created, changed={"content-type": "text/html"}))


def missing_signed_header_is_refused(check: Context) -> None:
    """A request without a header that was signed is refused."""
    created = check.open_upload()
    for name in created.headers:
        if name.lower() != "content-length":
            _refused(check, created, check.put(created, changed={name.lower(): None}))


def added_header_is_refused(check: Context) -> None:
    """A request with a further header for S3, such as a public access list, is refused."""
    created = check.open_upload()
    _refused(check, created, check.put(created, changed={"x-amz-acl": "public-read"}))
    _refused(check, created, check.put(created, changed={"x-amz-meta-a": "b"}))


def other_checksum_is_refused(check: Context) -> None:
    """Other bytes than those of the declared checksum are refused, with this checksum and with their own."""
    created = check.declare(checksum=sha256_of(check.sample.content))
    other = bytes(len(check.sample.content))
    _refused(check, created, check.put(created, other), 400)
    _refused(check, created, check.put(created, other, {"x-amz-checksum-sha256": sha256_of(other).value}))


def second_put_is_refused(check: Context) -> None:
    """An object that was stored cannot be overwritten with its URL, also without the condition."""
    created = check.declare()
    check.put(created).require_status(200)
    other = bytes(len(check.sample.content))
    check.put(created, other).require_refused_by_s3(412)
    check.put(created, other, {"if-none-match": None}).require_refused_by_s3(403)


def changed_form_is_refused(check: Context) -> None:
    """A form with another key, type, length or policy, or a further field, is refused."""
    created, content = check.open_upload("post"), check.sample.content
    other_key = created.fields["key"].replace(created.upload_id, check.open_upload().upload_id)
    _refused(check, created, check.post(created, changed={"key": other_key}))
    _refused(check, created, check.post(created, changed={"Content-Type": "text/html"}))
    _refused(check, created, check.post(created, changed={"x-amz-meta-a": "b"}))
    _refused(check, created, check.post(created, content[:-1]), 400)
    _refused(check, created, check.post(created, content + b"1"), 400)


def other_part_is_refused(check: Context) -> None:
    """The URL of a part does not write another part, another length, or another upload's part."""
    check.needs_two_parts(TWO_PARTS_BYTES)
    parts = check.declare(method="multipart", size_bytes=TWO_PARTS_BYTES)
    other = check.declare(method="multipart")
    last = bytes(TWO_PARTS_BYTES - plan_of(parts).part_size_bytes)
    url = check.part_url(parts, 2)
    for changed, content in (
        (with_query(url, {"partNumber": "1"}), last),
        (url, last[:-1]),
        (url, last + b"1"),
        (url.replace(parts.upload_id, other.upload_id), last),
    ):
        check.send(changed, content).require_refused_by_s3(_SIGNED)
    require(not check.person.api.held_parts(parts.upload_id).parts, "S3 has stored a part that it refused")
    check.send(url, last).require_status(200)  # as it was signed, so it was not something else that refused it


def _refused(check: Context, created: CreatedUpload, answer: Answer, status: int = _SIGNED) -> None:
    answer.require_refused_by_s3(status)
    check.require_open(created)
