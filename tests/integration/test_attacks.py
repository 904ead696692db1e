"""Nothing undeclared gets in: each attempt is refused, by the party that should refuse it."""

import pytest

from tests.support.deployment.attacks import (
    CONTENT,
    SMALL,
    TYPE,
    Attempt,
    Try,
    other_key,
    part_of,
    post_form,
    refused_by,
    send,
    with_claims_of,
    with_query,
)
from tests.support.deployment.system import System, User, checksum_of, eventually, put

WITH_A_PUT: dict[str, tuple[Try, str, set[int]]] = {
    "other key": (lambda a: put(other_key(a.declare("put"), a.declare("put")), SMALL), "S3", {403}),
    "other owner's key": (
        lambda a: put(other_key(a.declare("put"), a.declare("put", user=a.stranger)), SMALL),
        "S3",
        {403},
    ),
    "shorter body": (lambda a: put(a.declare("put"), SMALL[:-1]), "S3", {403}),
    "longer body": (lambda a: put(a.declare("put"), SMALL + b"6"), "S3", {403}),
    "no body": (lambda a: put(a.declare("put"), b""), "S3", {403}),
    "other type": (lambda a: put(a.declare("put"), SMALL, **{"Content-Type": "text/html"}), "S3", {403}),
    "other checksum": (
        lambda a: put(a.checked("put"), SMALL, **{"x-amz-checksum-sha256": checksum_of(b"54321")}),
        "S3",
        {403},
    ),
    "other bytes than the checksum's": (lambda a: put(a.checked("put"), b"54321"), "S3", {400}),
    "other encryption": (
        lambda a: put(a.declare("put"), SMALL, **{"x-amz-server-side-encryption": "AES256"}),
        "S3",
        {403},
    ),
    "unsigned storage class": (
        lambda a: put(a.declare("put"), SMALL, **{"x-amz-storage-class": "GLACIER"}),
        "S3",
        {403},
    ),
    "unsigned tags": (lambda a: put(a.declare("put"), SMALL, **{"x-amz-tagging": "a=b"}), "S3", {403}),
    **{
        f"unsigned {header}": (
            lambda a, header=header, value=value: put(a.declare("put"), SMALL, **{header: value}),
            "S3",
            {403},
        )
        for header, value in {
            "x-amz-meta-a": "b",
            "x-amz-website-redirect-location": "https://elsewhere.example",
            "x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"',
            "x-amz-object-lock-mode": "GOVERNANCE",
            "x-amz-object-lock-legal-hold": "ON",
            "x-amz-copy-source": "/other/key",
        }.items()
    },
    "unsigned access list": (lambda a: put(a.declare("put"), SMALL, **{"x-amz-acl": "public-read"}), "S3", {403}),
    "without the write-once condition": (lambda a: put(a.declare("put"), SMALL, **{"If-None-Match": "x"}), "S3", {403}),
    "longer life": (
        lambda a: put({**(p := a.declare("put")), "url": with_query(p["url"], **{"X-Amz-Expires": "6000"})}, SMALL),
        "S3",
        {403},
    ),
    "method GET": (lambda a: send(a.declare("put")["url"], b"", "GET", **{"Content-Type": TYPE}), "S3", {403}),
    "method DELETE": (lambda a: send(a.declare("put")["url"], b"", "DELETE", **{"Content-Type": TYPE}), "S3", {403}),
    "no signature": (lambda a: put({**(p := a.declare("put")), "url": p["url"].split("?")[0]}, SMALL), "S3", {403}),
    "replay after completion": (lambda a: put(a.finished("put"), SMALL), "S3", {412}),
}
WITH_A_FORM: dict[str, tuple[Try, str, set[int]]] = {
    "other key": (
        lambda a: post_form(
            p := a.declare("post"), SMALL, key=p["fields"]["key"].replace(p["upload_id"], a.declare("put")["upload_id"])
        ),
        "S3",
        {403},
    ),
    "other owner's key": (
        lambda a: post_form(a.declare("post"), SMALL, key=a.declare("post", user=a.stranger)["fields"]["key"]),
        "S3",
        {403},
    ),
    "undersized": (lambda a: post_form(a.declare("post"), SMALL[:-1]), "S3", {400}),
    "oversized": (lambda a: post_form(a.declare("post"), SMALL + b"6"), "S3", {400}),
    "other type": (lambda a: post_form(a.declare("post"), SMALL, **{"Content-Type": "text/html"}), "S3", {403}),
    "other checksum": (
        lambda a: post_form(a.checked("post"), SMALL, **{"x-amz-checksum-sha256": checksum_of(b"54321")}),
        "S3",
        {403},
    ),
    **{
        f"field {name}": (
            lambda a, name=name, value=value: post_form(a.declare("post"), SMALL, **{name: value}),
            "S3",
            {403},
        )
        for name, value in {
            "Content-Encoding": "gzip",
            "Content-Disposition": "inline",
            "Cache-Control": "public",
            "Expires": "Thu, 01 Jan 2099 00:00:00 GMT",
            "x-amz-meta-a": "b",
            "x-amz-storage-class": "GLACIER",
        }.items()
    },
    "field that the policy has not": (lambda a: post_form(a.declare("post"), SMALL, acl="public-read"), "S3", {403}),
    "other policy": (
        lambda a: post_form(a.declare("post"), SMALL, policy=a.declare("post")["fields"]["policy"]),
        "S3",
        {403},
    ),
    "method PUT": (lambda a: send(a.declare("post")["url"], SMALL), "S3", {403, 405}),
}
WITH_PARTS: dict[str, tuple[Try, str, set[int]]] = {
    "part 0": (lambda a: a.sign(a.declare("multipart", CONTENT), 0, 1), "gateway", {400}),
    "part 10,001": (lambda a: a.sign(a.declare("multipart", CONTENT), 1, 10_001), "gateway", {400}),
    "part out of the plan": (lambda a: a.sign(a.declare("multipart", CONTENT), 1, 3), "function", {400}),
    "parts backwards": (lambda a: a.sign(a.declare("multipart", CONTENT), 2, 1), "function", {400}),
    "part number of no signature": (
        lambda a: send(with_query(a.part(a.declare("multipart", CONTENT), 1), partNumber="3"), part_of(1)),
        "S3",
        {403},
    ),
    "other part's signature": (
        lambda a: send(with_query(a.part(a.declare("multipart", CONTENT), 1), partNumber="2"), part_of(2)),
        "S3",
        {403},
    ),
    "other upload's parts": (
        lambda a: send(
            a.part(p := a.declare("multipart", CONTENT), 1).replace(
                p["upload_id"], a.declare("multipart", CONTENT)["upload_id"]
            ),
            part_of(1),
        ),
        "S3",
        {403},
    ),
    "shorter part": (lambda a: send(a.part(a.declare("multipart", CONTENT), 1), part_of(1)[:-1]), "S3", {403}),
    "longer last part": (lambda a: send(a.part(a.declare("multipart", CONTENT), 2), part_of(2) + b"6"), "S3", {403}),
    "unsigned header": (
        lambda a: send(a.part(a.declare("multipart", CONTENT), 2), part_of(2), **{"x-amz-acl": "public-read"}),
        "S3",
        {403},
    ),
    "method GET": (lambda a: send(a.part(a.declare("multipart", CONTENT), 2), b"", "GET"), "S3", {403}),
    "other bytes than the part's checksum": (
        lambda a: send(
            a.part(a.checked("multipart", CONTENT), 2, checksums=[checksum_of(part_of(2))]),
            b"54321",
            **{"x-amz-checksum-sha256": checksum_of(part_of(2))},
        ),
        "S3",
        {400},
    ),
    "other checksum than the part's": (
        lambda a: send(
            a.part(a.checked("multipart", CONTENT), 2, checksums=[checksum_of(part_of(2))]),
            b"54321",
            **{"x-amz-checksum-sha256": checksum_of(b"54321")},
        ),
        "S3",
        {403},
    ),
    "part without its checksum": (lambda a: a.sign(a.checked("multipart", CONTENT), 1, 2), "function", {400}),
    "checksum of no declaration": (
        lambda a: a.sign(a.declare("multipart", CONTENT), 2, 2, checksums=[checksum_of(part_of(2))]),
        "function",
        {400},
    ),
    "other upload's session": (
        lambda a: a.sign({**a.declare("multipart"), "session": a.declare("multipart")["session"]}, 1, 1),
        "function",
        {403},
    ),
    "other owner with the session": (
        lambda a: a.sign(a.declare("multipart"), 1, 1, user=a.stranger),
        "function",
        {403},
    ),
    "other owner's claims": (
        lambda a: a.sign(with_claims_of(a.declare("multipart", user=a.stranger), a.declare("multipart")), 1, 1),
        "function",
        {403},
    ),
    "cut session": (
        lambda a: a.sign({**(p := a.declare("multipart")), "session": p["session"][:-1]}, 1, 1),
        "function",
        {403},
    ),
    "replay after completion": (lambda a: send(a.part(a.finished("multipart"), 2), part_of(2)), "S3", {404}),
}
AT_THE_API: dict[str, tuple[Try, str, set[int]]] = {
    "other owner's upload": (
        lambda a: a.system.call("GET", f"/uploads/{a.declare('put')['upload_id']}", token=a.stranger.token),
        "function",  # a mapping template, in the function's words
        {404},
    ),
    "other owner's parts": (
        lambda a: a.system.call("GET", f"/uploads/{a.declare('multipart')['upload_id']}/parts", token=a.stranger.token),
        "function",
        {404},
    ),
    "other owner completes": (
        lambda a: a.system.call(
            "POST", f"/uploads/{a.declare('multipart')['upload_id']}/complete", {}, token=a.stranger.token
        ),
        "function",
        {404},
    ),
    "other owner aborts": (
        lambda a: a.system.call("DELETE", f"/uploads/{a.declare('put')['upload_id']}", token=a.stranger.token),
        "function",
        {404},
    ),
    "no token": (lambda a: a.system.call("POST", "/uploads", {}), "gateway", {401}),
    "wrong method": (lambda a: a.system.call("PUT", "/uploads", {}, token=a.user.token), "gateway", {404}),
    "more than the gateway takes": (
        lambda a: a.system.call("POST", "/uploads", bytes(11 * 1024**2), token=a.user.token),
        "gateway",
        {413},
    ),
    "over the quota": (
        lambda a: a.system.call(
            "POST",
            "/uploads",
            {"file_name": "a", "content_type": "a/b", "size_bytes": 1024**4},
            token=a.user.token,
        ),
        "function",
        {403},
    ),
    "key of another request": (
        lambda a: [
            a.system.call(
                "POST",
                "/uploads",
                {"file_name": name, "content_type": "a/b", "size_bytes": 5},
                token=a.user.token,
                headers={"Idempotency-Key": "the-same"},
            )
            for name in ("a", "b")
        ][-1],
        "function",
        {409},
    ),
    "completion without parts": (
        lambda a: a.system.call(
            "POST", f"/uploads/{a.declare('multipart')['upload_id']}/complete", {}, token=a.user.token
        ),
        "function",
        {409},
    ),
}


@pytest.fixture(scope="module")
def attempt(system: System, user: User) -> Attempt:
    return Attempt(system, user, system.new_user())


class TestRefused:
    @pytest.mark.parametrize("what", WITH_A_PUT)
    def test_with_a_presigned_put(self, attempt: Attempt, what: str) -> None:
        self.refuse(attempt, *WITH_A_PUT[what])

    @pytest.mark.parametrize("what", WITH_A_FORM)
    def test_with_a_form(self, attempt: Attempt, what: str) -> None:
        self.refuse(attempt, *WITH_A_FORM[what])

    @pytest.mark.parametrize("what", WITH_PARTS)
    def test_with_parts(self, attempt: Attempt, what: str) -> None:
        self.refuse(attempt, *WITH_PARTS[what])

    @pytest.mark.parametrize("what", AT_THE_API)
    def test_at_the_api(self, attempt: Attempt, what: str) -> None:
        self.refuse(attempt, *AT_THE_API[what])

    def refuse(self, attempt: Attempt, action: Try, by: str, statuses: set[int]) -> None:
        answer = action(attempt)
        assert answer.status in statuses, answer.text
        assert refused_by(answer) == by, answer.text


class TestTakenByS3AndRejected:
    """Signature Version 4 asks only for headers with x-amz- to be signed: S3 stores these, unsigned as they are."""

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("Content-Encoding", "gzip"),
            ("Content-Disposition", 'inline; filename="a.html"'),
            ("Cache-Control", "public, max-age=31536000"),
            ("Content-Language", "de"),
            ("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
        ],
    )
    def test_metadata_that_was_not_declared(self, attempt: Attempt, header: str, value: str) -> None:
        plan = attempt.declare("put")
        assert put(plan, SMALL, **{header: value}).status == 200
        ended = attempt.ended(plan)
        assert (ended["status"], ended["rejection"]["code"]) == ("rejected", "metadata-mismatch")
        assert header in ended["rejection"]["detail"]

    @pytest.mark.parametrize(("header", "value"), [("Content-Encoding", "gzip"), ("Cache-Control", "public")])
    def test_but_with_a_part_it_is_not_stored(self, attempt: Attempt, header: str, value: str) -> None:
        plan = attempt.declare("multipart", CONTENT)
        for number in (1, 2):
            assert send(attempt.part(plan, number), part_of(number), **{header: value}).status == 200
        done = attempt.system.call("POST", f"/uploads/{plan['upload_id']}/complete", {}, token=attempt.user.token)
        assert done.status == 200, done.text
        assert attempt.ended(plan)["status"] == "completed"


def test_other_bytes_than_the_checksums_in_a_form_are_refused_or_found_before_they_are_processed(
    attempt: Attempt,
) -> None:
    plan = attempt.checked("post")
    answer = post_form(plan, b"54321")
    if answer.status == 204:  # the embedded S3 does not look at a form's checksum
        ended = attempt.system.await_status(attempt.user, plan["upload_id"], "rejected", "completed", "failed")
        assert ended["rejection"]["code"] == "checksum-mismatch"
    else:
        assert (answer.status, refused_by(answer)) == (400, "S3")


def test_a_form_sent_again_after_completion_changes_nothing_and_is_put_away(attempt: Attempt) -> None:
    """S3 knows no condition for forms, and takes it: as another version, which is not the upload's."""
    plan = attempt.finished("post")
    before = attempt.system.status(attempt.user, plan["upload_id"])
    assert post_form(plan, SMALL).status == 204
    s3, bucket = attempt.system.emulator.client("s3"), attempt.system.outputs["ingestBucket"]
    key = plan["fields"]["key"]
    eventually(
        lambda: s3.list_object_versions(Bucket=bucket, Prefix=key).get("Versions", []),
        lambda versions: len(versions) == 1,
    )
    assert attempt.system.status(attempt.user, plan["upload_id"]) == before


class TestTaken:
    """The same requests unchanged go through: it is not something else that refuses them."""

    @pytest.mark.parametrize("method", ["put", "post", "multipart"])
    def test_what_was_declared(self, attempt: Attempt, method: str) -> None:
        plan = attempt.finished(method)
        assert attempt.system.status(attempt.user, plan["upload_id"])["status"] == "completed"

    @pytest.mark.parametrize("method", ["put", "post"])
    def test_what_was_declared_by_its_checksum(self, attempt: Attempt, method: str) -> None:
        plan = attempt.checked(method)
        answer = put(plan, SMALL) if method == "put" else post_form(plan, SMALL)
        assert answer.status in {200, 204}, answer.text
        attempt.system.await_status(attempt.user, plan["upload_id"], "completed")
