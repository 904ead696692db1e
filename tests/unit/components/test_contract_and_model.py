"""The contract says what the handlers' model says: what one takes, so does the other."""

from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator

from handlers.domain.declaration import LateDeclaration, UploadRequest
from handlers.domain.errors import InvalidRequest
from handlers.domain.plan import MAX_OBJECT_BYTES, MAX_PARTS, Method
from handlers.domain.session import MAX_TOKEN_LENGTH, PartRange
from handlers.domain.upload import Status
from tests.support.components.openapi_document import contract
from tests.support.each_case import each_case

NEEDED = {"file_name": "report.pdf", "content_type": "application/pdf"}
REPORT = {**NEEDED, "size_bytes": 1}
CRC = {"algorithm": "crc32", "value": "AAAAAA=="}

GOOD = [
    REPORT,
    {**REPORT, "file_name": "ü" * 255},
    {**REPORT, "file_name": "a \"quoted\" 'name'.txt"},
    {**REPORT, "file_name": "👩\u200d💻 क्\u200dष कर्\u200cम.txt"},
    {**REPORT, "content_type": "text/csv; charset=utf-8"},
    {**REPORT, "content_type": "application/vnd.ms-excel.sheet+xml"},
    {**REPORT, "size_bytes": MAX_OBJECT_BYTES},
    *({**REPORT, "method": str(method)} for method in Method),
    {**NEEDED, "method": "multipart"},
    {**REPORT, "checksum": CRC},
    {**REPORT, "checksum": {"algorithm": "sha256", "value": "A" * 43 + "="}},
]
BAD: list[Any] = [
    [],
    {},
    "report.pdf",
    *({name: value for name, value in REPORT.items() if name != left_out} for left_out in NEEDED),
    {**REPORT, "owner": "somebody-else"},
    *(
        {**REPORT, "file_name": name}
        for name in ("", "ü" * 256, "a/b", "a\\b", "a\x00b", "a\x7f", "a\x9f", "a\nb", None, 3)
    ),
    *({**REPORT, "file_name": name} for name in ("a\u202eb", "a\u200fb", "a\u061cb", "a\u2066b", "\ufeffa")),
    *({**REPORT, "content_type": each} for each in ("", "pdf", "a/b\r\nX: y", "text/", "a/b;", "a/" + "b" * 254, 3)),
    *({**REPORT, "size_bytes": size} for size in (0, -1, MAX_OBJECT_BYTES + 1, "1", None, True, 1.5)),
    *(
        {**REPORT, "checksum": checksum}
        for checksum in (
            None,
            "AAAAAA==",
            {},
            {"algorithm": "md5", "value": "AAAA"},
            {"algorithm": "crc32"},
            {**CRC, "x": 1},
        )
    ),
    *({**REPORT, "method": method} for method in ("", "PUT", "get", None, 1, ["put"])),
]

RANGE = {"session": "a-session", "first_part": 1, "last_part": MAX_PARTS}
BAD_RANGES: list[Any] = [
    [],
    {},
    *({name: value for name, value in RANGE.items() if name != left_out} for left_out in RANGE),
    {**RANGE, "owner": "somebody-else"},
    *({**RANGE, "checksums": checksums} for checksums in (None, "AAAAAA==", ["AAAAAA=="] * (MAX_PARTS + 1))),
    *({**RANGE, "last_part_size_bytes": size} for size in (0, 5 * 1024**3 + 1, None, "1", True, 1.5)),
    *({**RANGE, "session": session} for session in (None, 3, ["a-session"])),
    *(
        {**RANGE, part: number}
        for part in ("first_part", "last_part")
        for number in (0, -1, MAX_PARTS + 1, "1", None, True, 1.5)
    ),
]

SCHEMAS = contract()["components"]["schemas"]
REQUESTS, RANGES, COMPLETIONS = (
    OAS30Validator(SCHEMAS[name]) for name in ("CreateUploadRequest", "SignPartsRequest", "CompleteUploadRequest")
)


class TestContractAndModelAgree:
    @each_case("body", GOOD)
    def test_on_what_a_client_may_declare(self, body: Any) -> None:
        REQUESTS.validate(body)
        UploadRequest.parse(body, list(Method))

    @each_case("body", BAD)
    def test_on_what_it_may_not(self, body: Any) -> None:
        assert not REQUESTS.is_valid(body)
        with pytest.raises(InvalidRequest):
            UploadRequest.parse(body, list(Method))

    def test_but_the_model_knows_a_line_feed_at_the_end_of_a_name_which_a_pattern_may_let_through(self) -> None:
        with pytest.raises(InvalidRequest):
            UploadRequest.parse({**REPORT, "file_name": "report.pdf\n"}, list(Method))

    def test_but_the_model_knows_what_a_method_cannot_carry(self) -> None:
        five_gibibytes = 5 * 1024**3
        body = {**REPORT, "method": "put", "size_bytes": five_gibibytes}

        UploadRequest.parse(body, list(Method))
        with pytest.raises(InvalidRequest):
            UploadRequest.parse({**body, "size_bytes": five_gibibytes + 1}, list(Method))

    @each_case("body", [NEEDED, {**NEEDED, "method": "put"}, {**NEEDED, "method": "multipart", "checksum": CRC}])
    def test_but_the_model_knows_when_a_size_is_needed(self, body: Any) -> None:
        REQUESTS.validate(body)
        with pytest.raises(InvalidRequest):
            UploadRequest.parse(body, list(Method))

    def test_on_the_methods_of_which_one_is_chosen(self) -> None:
        for schema in ("CreateUploadRequest", "CreatedUpload"):
            assert SCHEMAS[schema]["properties"]["method"]["enum"] == [str(method) for method in Method]

    def test_on_the_range_of_parts_that_a_client_may_ask_for(self) -> None:
        for body in (RANGE, {**RANGE, "checksums": ["AAAAAA=="]}, {**RANGE, "last_part_size_bytes": 5 * 1024**3}):
            RANGES.validate(body)
            PartRange.parse(body)

    @each_case("body", BAD_RANGES)
    def test_on_the_range_that_it_may_not(self, body: Any) -> None:
        assert not RANGES.is_valid(body)
        with pytest.raises(InvalidRequest):
            PartRange.parse(body)

    def test_on_the_longest_session(self) -> None:
        assert RANGES.is_valid({**RANGE, "session": "x" * MAX_TOKEN_LENGTH})
        assert not RANGES.is_valid({**RANGE, "session": "x" * (MAX_TOKEN_LENGTH + 1)})

    @each_case("body", [{}, {"size_bytes": 1}, {"size_bytes": MAX_OBJECT_BYTES, "checksum": CRC}])
    def test_on_what_a_client_may_declare_at_completion(self, body: Any) -> None:
        COMPLETIONS.validate(body)
        LateDeclaration.parse(body)

    @each_case(
        "body",
        [[], {"parts": []}, {"size_bytes": 0}, {"size_bytes": MAX_OBJECT_BYTES + 1}, {"size_bytes": 1, "checksum": {}}],
    )
    def test_on_what_it_may_not_then(self, body: Any) -> None:
        assert not COMPLETIONS.is_valid(body)
        with pytest.raises(InvalidRequest):
            LateDeclaration.parse(body)

    @each_case("schema", ["CreatedUpload", "Upload"])
    def test_on_the_states_of_an_upload(self, schema: str) -> None:
        properties = contract()["components"]["schemas"][schema]["properties"]

        assert properties["status"]["enum"] == [str(state) for state in Status]
