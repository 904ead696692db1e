from hypothesis import given
from hypothesis import strategies as st

from handlers.processors.routing import Rule, processor_for, read_rules, shadowed, write_rules
from tests.support.each_case import each_case

RULES = [
    Rule("sheets", ["text/csv", "application/vnd.ms-excel"], ["*.csv"]),
    Rule("pictures", ["image/*"]),
    Rule("archives", (), ["*.zip", "*.tar.gz"]),
]


@each_case(
    ("file_name", "content_type", "processor"),
    [
        ("a.csv", "text/csv", "sheets"),
        ("a.csv", "application/vnd.ms-excel", "sheets"),
        ("A.CSV", "Text/CSV; charset=utf-8", "sheets"),
        ("a.txt", "text/csv", "default"),
        ("a.csv", "text/plain", "default"),
        ("a.csv", "image/png", "pictures"),
        ("a.zip", "image/png", "pictures"),
        ("a.zip", "application/zip", "archives"),
        ("a.TAR.gz", "application/gzip", "archives"),
        ("zip", "application/zip", "default"),
        ("a.bin", "images/png", "default"),
    ],
)
def test_the_first_rule_that_matches_type_and_name_decides(file_name: str, content_type: str, processor: str) -> None:
    assert processor_for(file_name, content_type, RULES, "default") == processor


def test_without_rules_every_upload_has_the_default() -> None:
    assert processor_for("a.csv", "text/csv", [], "default") == "default"


def test_rules_pass_through_the_environment() -> None:
    rules = [Rule("a.b", ["text/csv"], ["*.csv"]), Rule("c.d", [], ["*.zip"])]
    assert (read_rules(write_rules(rules)), read_rules(write_rules([]))) == (rules, [])


@each_case(
    ("later", "earlier"),
    [
        (Rule("x", ["image/png"]), [1]),
        (Rule("x", ["Image/*"]), [1]),
        (Rule("x", ["image/png"], ["*.png"]), [1]),
        (Rule("x", (), ["*.old.ZIP"]), [2]),
        (Rule("x", ["text/csv"], ["*.csv"]), [0]),
        (Rule("x", ["text/csv", "image/png"], ["*.csv"]), [0, 1]),
        (Rule("x", ["application/zip", "image/gif"], ["*.zip"]), [1, 2]),
        (Rule("x", ["text/csv"]), None),
        (Rule("x", (), ["*.csv"]), None),
        (Rule("x", ["image/png", "text/plain"]), None),
        (Rule("x", (), ["*zip"]), None),
    ],
)
def test_a_rule_is_shadowed_if_earlier_ones_match_all_its_uploads(later: Rule, earlier: list[int] | None) -> None:
    assert list(shadowed([*RULES, later])) == ([] if earlier is None else [(len(RULES), earlier)])


PATTERNS = st.builds(
    Rule,
    st.just("x"),
    st.lists(st.sampled_from(["a/*", "a/b", "a/c", "d/b"]), max_size=2),
    st.lists(st.sampled_from(["*b", "*.b", "*a.b", "*c"]), max_size=2),
)


@given(st.lists(PATTERNS, max_size=4), st.sampled_from(["a/b", "a/c", "a/e", "d/b"]), st.text("abc.", max_size=4))
def test_a_shadowed_rule_never_decides(rules: list[Rule], content_type: str, file_name: str) -> None:
    numbered = [rule._replace(processor=str(index)) for index, rule in enumerate(rules)]
    without = {str(index) for index, _ in shadowed(rules)}

    assert processor_for(file_name, content_type, numbered, "default") not in without
