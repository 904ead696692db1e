"""What follows from each result of a malware scan."""

import pytest

from handlers.domain.rejection import MAX_SCANNED_BYTES, Rejection, Scan, ScanResult
from tests.support.aws.moto_cloud import REF, object_scanned
from tests.support.each_case import each_case


def scanned(result: str, *, threats: tuple[str, ...] = (), reasons: tuple[str, ...] = ()) -> Scan:
    event = object_scanned(REF.object_key, "v1", result, threats=threats, reasons=reasons)
    return Scan.from_details(event["detail"]["scanResultDetails"])


class TestEvent:
    @each_case("result", ScanResult)
    def test_every_result_is_read_though_lists_are_null(self, result: str) -> None:
        assert scanned(result) == Scan(ScanResult(result))

    def test_threats_and_reasons_are_read(self) -> None:
        assert scanned("THREATS_FOUND", threats=("EICAR",)).threats == ("EICAR",)
        assert scanned("UNSUPPORTED", reasons=("PASSWORD_PROTECTED",)).reasons == ("PASSWORD_PROTECTED",)

    def test_a_list_that_is_left_out_is_empty(self) -> None:
        assert Scan.from_details({"scanResultStatus": "NO_THREATS_FOUND"}) == Scan(ScanResult.CLEAN)

    def test_a_result_that_nobody_knows_yet_is_no_clean_one(self) -> None:
        with pytest.raises(ValueError, match="PROBABLY_CLEAN"):
            scanned("PROBABLY_CLEAN")


@each_case(
    ("scan", "code", "sentence"),
    [
        (scanned("THREATS_FOUND", threats=("EICAR",)), "malware-found", "The malware scan found EICAR."),
        (scanned("THREATS_FOUND"), "malware-found", "The malware scan found a threat."),
        (
            scanned("THREATS_FOUND", threats=tuple(f"T{n}" for n in range(7))),
            "malware-found",
            "The malware scan found T0, T1, T2, T3, T4 and 2 more.",
        ),
        (
            scanned("THREATS_FOUND", threats=("T" * 1000,)),
            "malware-found",
            f"The malware scan found {'T' * 100}.",
        ),
        (scanned("UNSUPPORTED"), "not-scannable", "The malware scan cannot look into the object."),
        (
            scanned("UNSUPPORTED", reasons=("PASSWORD_PROTECTED",)),
            "not-scannable",
            "The malware scan cannot look into the object: PASSWORD_PROTECTED.",
        ),
    ],
)
def test_an_object_is_rejected_with_a_code_and_a_sentence(scan: Scan, code: str, sentence: str) -> None:
    assert scan.rejection(5, process_unscannable=False) == Rejection(code, sentence)


@each_case(("size_bytes", "code"), [(MAX_SCANNED_BYTES, "not-scannable"), (MAX_SCANNED_BYTES + 1, "too-large-to-scan")])
def test_an_object_over_the_scans_limit_is_told_the_limit(size_bytes: int, code: str) -> None:
    rejection = scanned("UNSUPPORTED").rejection(size_bytes, process_unscannable=False)
    assert rejection
    assert rejection.code == code
    assert ("at most 100000000000." in rejection.detail) == (code == "too-large-to-scan")


@each_case("size_bytes", [5, MAX_SCANNED_BYTES + 1])
def test_what_cannot_be_scanned_is_processed_where_that_is_wished(size_bytes: int) -> None:
    assert scanned("UNSUPPORTED").rejection(size_bytes, process_unscannable=True) is None


@each_case("process_unscannable", [False, True])
def test_a_clean_object_is_processed_and_one_with_threats_never_is(*, process_unscannable: bool) -> None:
    assert scanned("NO_THREATS_FOUND").rejection(5, process_unscannable=process_unscannable) is None
    assert scanned("THREATS_FOUND").rejection(5, process_unscannable=process_unscannable) is not None


def test_only_a_scan_that_says_nothing_of_the_object_has_failed() -> None:
    assert {result for result in ScanResult if scanned(result).has_failed} == {"ACCESS_DENIED", "FAILED"}
