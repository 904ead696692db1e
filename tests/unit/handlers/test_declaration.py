import base64
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain.declaration import Checksum, ChecksumAlgorithm, UploadRequest
from handlers.domain.errors import InvalidRequest
from handlers.domain.plan import MAX_OBJECT_BYTES, MAX_SINGLE_REQUEST_BYTES, Method
from tests.support.each_case import each_case

GOOD: dict[str, Any] = {"file_name": "report.pdf", "content_type": "application/pdf", "size_bytes": 1000}
NAME_RULE = "a name of 1 to 255 characters without slashes, control or bidirectional characters"
INVISIBLE = "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
TYPE_RULE = "a media type such as application/pdf, of at most 255 characters"
SIZE_RULE = "a whole number from 1 to 53687091200000"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=6,
)


def parse(body: object) -> UploadRequest:
    return UploadRequest.parse(body, list(Method))


def errors_of(body: object) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        parse(body)
    assert str(caught.value) == " ".join(caught.value.errors)
    return caught.value.errors


class TestWhatIsAccepted:
    @each_case(
        ("field", "value"),
        [
            ("file_name", "a"),
            ("file_name", "x" * 255),
            ("file_name", "Überweisung März.pdf"),
            ("file_name", "名前 😀.txt"),
            ("file_name", "👩\u200d💻 क्\u200dष कर्\u200cम עברית.txt"),
            ("file_name", "quotes \" and ' and $(rm) <b>.txt"),
            ("content_type", "a/b"),
            ("content_type", "image/svg+xml"),
            ("content_type", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            ("content_type", "text/csv; charset=utf-8"),
            ("content_type", "text/csv;charset=utf-8; header=present"),
            ("content_type", f"a/{'b' * 253}"),
            ("size_bytes", 1),
            ("size_bytes", 1000),
            ("method", "put"),
            ("method", "multipart"),
        ],
    )
    def test_a_value_within_the_contract_comes_back_unchanged(self, field: str, value: Any) -> None:
        assert parse({**GOOD, field: value}) == UploadRequest(**{**GOOD, field: value})

    @each_case("method", [{}, {"method": "multipart"}])
    def test_the_largest_object_is_accepted_where_it_is_allowed(self, method: dict[str, str]) -> None:
        body = {**GOOD, "size_bytes": MAX_OBJECT_BYTES, **method}
        assert UploadRequest.parse(body, list(Method)).size_bytes == 53_687_091_200_000

    def test_the_largest_single_put_is_accepted_and_no_larger_one(self) -> None:
        body = {**GOOD, "size_bytes": MAX_SINGLE_REQUEST_BYTES, "method": "put"}
        assert UploadRequest.parse(body, list(Method)).method is Method.PUT
        with pytest.raises(InvalidRequest) as caught:
            UploadRequest.parse({**body, "size_bytes": MAX_SINGLE_REQUEST_BYTES + 1}, list(Method))
        limit = "at most 5368709120 with method put; leave method out for a larger file"
        assert caught.value.errors == [f"size_bytes is 5368709121, but must be {limit}."]


class TestWhatIsRefused:
    @each_case(
        ("value", "shown"),
        [
            ("", "''"),
            ("x" * 256, "'" + "x" * 76 + "..."),
            ("a/b.txt", "'a/b.txt'"),
            ("..\\b.txt", "'..\\\\b.txt'"),
            ("a\x00b", "'a\\x00b'"),
            ("a\r\nSet-Cookie: x", "'a\\r\\nSet-Cookie: x'"),
            ("a\x1fb", "'a\\x1fb'"),
            ("a\x7fb", "'a\\x7fb'"),
            ("\n", "'\\n'"),
            (None, "None"),
            (7, "7"),
            (True, "True"),
            (["a"], "['a']"),
            ({"a": 1}, "{'a': 1}"),
        ],
    )
    def test_a_file_name_that_is_no_single_printable_name(self, value: object, shown: str) -> None:
        assert errors_of({**GOOD, "file_name": value}) == [f"file_name is {shown}, but must be {NAME_RULE}."]

    def test_a_file_name_that_ends_in_a_newline(self) -> None:
        assert errors_of({**GOOD, "file_name": "a.txt\n"}) == [f"file_name is 'a.txt\\n', but must be {NAME_RULE}."]

    @each_case("char", ["\x80", "\x85", "\x9f"])
    def test_a_file_name_with_a_control_character_beyond_ascii(self, char: str) -> None:
        assert errors_of({**GOOD, "file_name": f"a{char}b"})

    @each_case("char", INVISIBLE)
    @each_case("name", ["photo{}gnp.exe", "{}a", "a{}"])
    def test_a_file_name_that_is_shown_otherwise_than_it_is(self, name: str, char: str) -> None:
        assert errors_of({**GOOD, "file_name": name.format(char)})

    @each_case("value", ["\ud800", "a\udfffb", "\ude00\ud83d"])
    def test_a_file_name_with_half_a_surrogate_pair(self, value: str) -> None:
        (error,) = errors_of({**GOOD, "file_name": value})
        assert error == f"file_name is {value!a}, but must be valid Unicode text."
        assert error.isascii()

    @each_case(
        "value",
        [
            "",
            "pdf",
            "/",
            "a/",
            "/b",
            "a/b/c",
            "a /b",
            " a/b",
            "a/b ",
            "a/b\n",
            "a/b\r\nX-Evil: 1",
            "text/csv;",
            "text/csv; charset",
            'text/csv; charset="utf-8"',
            "text/csv;  charset=utf-8",
            "té/b",
            "*/*",
            "a/\ud800",
            f"a/{'b' * 254}",
            None,
            0,
            True,
            ["a/b"],
        ],
    )
    def test_a_content_type_that_is_no_media_type(self, value: object) -> None:
        text = ascii(value)
        shown = text if len(text) <= 80 else text[:77] + "..."
        assert errors_of({**GOOD, "content_type": value}) == [f"content_type is {shown}, but must be {TYPE_RULE}."]

    @each_case(
        ("value", "shown"),
        [
            (0, "0"),
            (-1, "-1"),
            (MAX_OBJECT_BYTES + 1, str(MAX_OBJECT_BYTES + 1)),
            (10**30, "1" + "0" * 30),
            (10**200, "1" + "0" * 76 + "..."),
            (True, "True"),
            (False, "False"),
            (5.0, "5.0"),
            (5.5, "5.5"),
            (float("inf"), "inf"),
            (float("nan"), "nan"),
            ("5", "'5'"),
            (None, "None"),
            ([], "[]"),
        ],
    )
    def test_a_size_that_is_no_whole_number_in_range(self, value: object, shown: str) -> None:
        assert errors_of({**GOOD, "size_bytes": value}) == [f"size_bytes is {shown}, but must be {SIZE_RULE}."]

    @each_case("value", ["", "form", "PUT", "multi", None, 1, True, ["put"], {"put": 1}])
    def test_a_method_that_is_not_offered(self, value: object) -> None:
        (error,) = errors_of({**GOOD, "method": value})
        assert error == f"method is {value!r}, but must be one of put, post, multipart."

    @each_case("body", [None, [], "x", 5, 1.5, True, [GOOD]])
    def test_a_body_that_is_no_object(self, body: object) -> None:
        assert errors_of(body) == ["The body must be a JSON object with file_name, content_type and size_bytes."]

    @each_case("field", GOOD)
    def test_a_body_without_one_of_the_fields(self, field: str) -> None:
        (error,) = errors_of({name: value for name, value in GOOD.items() if name != field})
        assert error.startswith(f"{field} is required")

    @each_case("field", ["owner", "upload_id", "File_Name", "", "\ud800", "a\nb"])
    def test_a_field_that_the_contract_does_not_have(self, field: str) -> None:
        assert errors_of({**GOOD, field: 1}) == [
            f"{field!r} is not a field; only {', '.join(UploadRequest._fields)} are."
        ]

    def test_all_faults_are_told_at_once(self) -> None:
        assert errors_of({"file_name": "a/b", "size_bytes": True, "md5": "x"}) == [
            "content_type is required.",
            f"'md5' is not a field; only {', '.join(UploadRequest._fields)} are.",
            f"file_name is 'a/b', but must be {NAME_RULE}.",
            f"size_bytes is True, but must be {SIZE_RULE}.",
        ]

    def test_a_long_name_of_an_unknown_field_is_cut_as_values_are(self) -> None:
        (error,) = errors_of({**GOOD, "x" * 100_000: 1})
        assert len(error) < 200

    def test_of_many_unknown_fields_only_the_first_are_named(self) -> None:
        errors = errors_of({**{f"x{n}": n for n in range(100_000)}, **GOOD})
        assert [error.split(" ")[0] for error in errors] == [f"'x{n}'" for n in range(10)]

    @given(st.dictionaries(st.sampled_from([*GOOD, "method", "checksum", "other"]), json_values) | json_values)
    def test_whatever_the_body_it_is_taken_or_refused_with_short_lines(self, body: object) -> None:
        errors: list[str] = []
        try:
            taken = parse(body)
        except InvalidRequest as refusal:
            errors = refusal.errors
        else:
            assert {name: value for name, value in vars(taken).items() if value is not None} == body
            return
        assert errors
        assert all(len(error) < 200 for error in errors)

    @given(st.text(st.characters(), max_size=40))
    def test_a_file_name_that_is_accepted_can_be_stored_as_text(self, name: str) -> None:
        body: dict[str, Any] = {**GOOD, "file_name": name}
        try:
            parse(body)
        except InvalidRequest:
            return
        assert name.encode()
        assert not re.search(r"[/\\\x00-\x1f\x7f-\x9f]", name)


class TestChecksums:
    @each_case(("algorithm", "size_bytes"), [("sha256", 32), ("crc32", 4)])
    def test_the_base64_of_as_many_bytes_as_the_algorithm_has_is_taken(self, algorithm: str, size_bytes: int) -> None:
        value = base64.b64encode(bytes(range(size_bytes))).decode()
        taken = parse({**GOOD, "checksum": {"algorithm": algorithm, "value": value}}).checksum
        assert taken == Checksum(ChecksumAlgorithm(algorithm), value)
        assert taken is not None
        assert taken.algorithm.header == f"x-amz-checksum-{algorithm}"

    @each_case(
        "checksum",
        [
            None,
            "AAAAAA==",
            {},
            {"algorithm": "crc32"},
            {"value": "AAAAAA=="},
            {"algorithm": "md5", "value": "AAAAAA=="},
            {"algorithm": "CRC32", "value": "AAAAAA=="},
            {"algorithm": ["crc32"], "value": "AAAAAA=="},
            {"algorithm": "crc32", "value": "AAAAAA==", "type": "FULL_OBJECT"},
        ],
    )
    def test_what_is_no_algorithm_with_a_value_is_refused(self, checksum: object) -> None:
        (error,) = errors_of({**GOOD, "checksum": checksum})
        assert error.endswith('{"algorithm": sha256 or crc32, "value": the checksum in base64}.')

    @each_case(
        "value",
        ["", "AAAA", "AAAAAAA=", "00000000", "AAAAAA", "AAAAAB==", "AAAA\nAA==", " AAAAAA==", "AAAAA-==", "é", 4, None],
    )
    def test_a_value_that_s3_would_not_write_itself_is_refused(self, value: object) -> None:
        (error,) = errors_of({**GOOD, "checksum": {"algorithm": "crc32", "value": value}})
        assert "but must be of crc32, with the base64 of 4 bytes as its value" in error


@each_case("depth", [990, 5_000])
@each_case("field", ["file_name", "content_type", "size_bytes", "method", "checksum", "other"])
def test_a_value_nested_as_deeply_as_it_can_be_is_refused_as_any_other(field: str, depth: int) -> None:
    value: object = 1
    for _ in range(depth):
        value = {"a": value}
    (error,) = errors_of({**GOOD, field: value})
    assert error.startswith((f"{field} is ", f"{field!r} is not a field"))
    assert len(error) < 300
