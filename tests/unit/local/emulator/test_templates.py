import json
from typing import Any

import pytest

from local.emulator.patches.api_gateway.templates import BodyNotJson, Rendered, Source, TemplateRefused, find, render
from tests.support.each_case import each_case

BODY = {
    "text": 'it\'s a "test" / é\n',
    "number": 3,
    "flag": True,
    "null": None,
    "empty": "",
    "list": ["a", "b"],
    "map": {"one": 1, "two": "zwei", "three": None},
    "items": [{"id": "1"}, {"id": "2"}],
    "odd name": {"a-b": "c"},
}
SOURCE = Source(
    body=json.dumps(BODY),
    path={"id": "from path", "both": "path"},
    querystring={"both": "query", "page": "2"},
    header={"content-type": "text/plain", "both": "header", "X-Only": "header"},
    context={
        "requestId": "r-1",
        "httpMethod": "GET",
        "authorizer": {"claims": {"sub": "user-1", "cognito:groups": "[admins]"}},
    },
    stage_variables={"colour": "blue"},
)


def rendered(template: str, **changes: Any) -> str:
    source = Source(**{**vars(SOURCE), **changes})
    return render(template, source).body


@each_case(
    ("template", "output"),
    [
        ("$input.body.length()", str(len(json.dumps(BODY)))),
        ("$input.path('$.text')", 'it\'s a "test" / é\n'),
        ("$input.path('$.map.two')", "zwei"),
        ("$input.path('$.list[1]')", "b"),
        ("$input.path('$.items[*].id')", "[1, 2]"),
        ('$input.path(\'$["odd name"]["a-b"]\')', "c"),
        ("$input.path('$').map.two", "zwei"),
        ("$input.path('$.list').size()", "2"),
        ("$input.path('$.map')", "{one=1, two=zwei, three=null}"),
        ("$input.path('$.flag')", "true"),
        ("$input.path('$.nothing.at.all')", ""),
        ("$input.path('$.null')", ""),
        ("$input.json('$.map')", '{"one":1,"two":"zwei","three":null}'),
        ("$input.json('$.map.two')", '"zwei"'),
        ("$input.json('$.items[*].id')", '["1","2"]'),
        ("$input.json('$.nothing')", '""'),
        ("$input.json('$')", json.dumps(BODY, ensure_ascii=False, separators=(",", ":"))),
    ],
)
def test_input_reads_the_body(template: str, output: str) -> None:
    assert rendered(template) == output


@each_case(
    ("template", "output"),
    [
        ("$input.params('id')", "from path"),
        ("$input.params('both')", "path"),
        ("$input.params('page')", "2"),
        ("$input.params('X-Only')", "header"),
        ("[$input.params('x-only')]", "[]"),
        ("[$input.params('nothing')]", "[]"),
        ("$input.params().header.get('content-type')", "text/plain"),
        ("[$input.params().header.get('Content-Type')]", "[]"),
        ("$input.params().querystring.get('both')", "query"),
        ("$input.params().path.id", "from path"),
        ("[$input.params().header.get('nothing')]", "[]"),
        ("#foreach($k in $input.params().querystring.keySet())$k #end", "both page "),
    ],
)
def test_input_reads_the_parameters(template: str, output: str) -> None:
    assert rendered(template) == output


@each_case(
    ("template", "output"),
    [
        ("$context.requestId ${context.httpMethod}", "r-1 GET"),
        ("$context.authorizer.claims.sub", "user-1"),
        ("$context.authorizer.claims['cognito:groups']", "[admins]"),
        ("[$context.authorizer.claims.nothing]", "[]"),
        ("[$context.nothing.at.all]", "[]"),
        ("$stageVariables.colour ($stageVariables.nothing)", "blue ()"),
        ("$nothing $!nothing ${nothing.at} costs 5$ #1", "$nothing  ${nothing.at} costs 5$ #1"),
    ],
)
def test_references_print_as_on_aws(template: str, output: str) -> None:
    assert rendered(template) == output


@each_case(
    ("template", "output"),
    [
        ("$util.escapeJavaScript($input.path('$.text'))", r"it\'s a \"test\" \/ \u00E9\n"),
        ("$util.escapeJavaScript($input.path('$.text')).replaceAll(\"\\\\'\", \"'\")", r"it's a \"test\" \/ \u00E9\n"),
        ("$util.escapeJavaScript('😀\\')", r"\uD83D\uDE00\\"),
        ("[$util.escapeJavaScript($input.path('$.null'))]", "[]"),
        ("$util.escapeJavaScript($input.path('$.number'))", "3"),
        ("""$util.parseJson('{"a": {"b": 1}}').a.b""", "1"),
        ("$util.urlEncode('a b/é~*')", "a+b%2F%C3%A9%7E*"),
        ("$util.urlDecode('a+b%2F')", "a b/"),
        ("$util.base64Decode($util.base64Encode('é'))", "é"),
    ],
)
def test_util_has_awss_functions(template: str, output: str) -> None:
    assert rendered(template) == output


@each_case(
    ("condition", "holds"),
    [
        ("$input.path('$.flag')", True),
        ("$input.path('$.null')", False),
        ("$input.path('$.nothing')", False),
        ("$input.path('$.empty')", True),  # Velocity 1.7: only null and false are false
        ("!$input.path('$.empty')", False),
        ("$input.params('nothing')", True),
        ("$input.params('nothing') == ''", True),
        ("!$input.path('$.null') && $input.path('$.list')", True),
        ("$input.path('$.nothing').contains('x')", False),
        ("$input.path('$.null') || $input.path('$.nothing')", False),
        ("!($input.path('$.flag') && true)", False),
        ("$input.path('$.number') == 3", True),
        ("$input.path('$.number') == '3'", True),
        ("$input.path('$.number') != 4 && $input.path('$.number') > 2", True),
        ("$input.path('$.flag') == 1", False),
        ("$input.path('$.nothing') == ''", False),
        ("$context.httpMethod.matches('GE')", False),
        ("$context.httpMethod.matches('[A-Z]{3}')", True),
        ("$context.httpMethod.matches('\\w+')", True),
        ("$context.httpMethod.matches('GET|')", True),
        ("$context.httpMethod.startsWith('GE') && $context.httpMethod.endsWith('ET')", True),
        ("$context.httpMethod.equals('GET') && $context.httpMethod.equalsIgnoreCase('get')", True),
        ("$context.httpMethod.contains('ET') && $context.httpMethod.length() == 3", True),
        ("$input.path('$.empty').isEmpty()", True),
        ("$input.path('$.map').containsKey('two') && !$input.path('$.map').containsKey('four')", True),
    ],
)
def test_conditions_hold_as_in_velocity(condition: str, holds: bool) -> None:
    assert rendered(f"#if({condition})yes#{{else}}no#end") == ("yes" if holds else "no")


@each_case(
    ("template", "output"),
    [
        ('#set($list = ["a", "b"])#if($list.contains("b"))yes#end', "yes"),
        ("#if(false)1#elseif($context.requestId)2#{else}3#end", "2"),
        ("#foreach($i in $input.path('$.items'))$i.id#if($foreach.hasNext), #end#end", "1, 2"),
        ("#foreach($v in $input.path('$.map'))$!v;#end", "1;zwei;;"),
        ("#set($a-b = 1)$a-b", "1"),
        ("#set($n = 1 + 2 * 3)$n #set($s = 'n' + 1)$s #set($t = \"is $n\")$t", "7 n1 is 7"),
        ('#set($q = "say ""it""")$q', 'say "it"'),
        ("#set($q = 'say ''it''\\n')$q", "say 'it'\\n"),
        ("## comment\n#* and another *#text", "text"),
        ("$context.requestId.replaceAll('(r)-(\\d)', '$2:$1')", "1:r"),
        ("#set($parts = $context.requestId.split('-'))$parts[1] $parts.get(0) [$!parts[7]]", "1 r []"),
        ("$context.requestId.toUpperCase().substring(2).concat('!')", "1!"),
        ("[$input.path('$.map').items]", "[]"),  # a key, not Python's method
    ],
)
def test_the_language_is_velocitys(template: str, output: str) -> None:
    assert rendered(template) == output


def test_overrides_are_told_apart_from_the_body() -> None:
    template = """
#set($context.responseOverride.status = 404)
#set($context.responseOverride.header.Content-Type = "application/problem+json")
#set($context.responseOverride.header.X-Count = 3)
#set($context.requestOverride.header.X-From = $context.requestId)
body"""
    assert render(template, SOURCE) == Rendered(
        "\nbody", 404, {"Content-Type": "application/problem+json", "X-Count": "3"}, {"X-From": "r-1"}
    )


def test_one_rendering_leaves_nothing_to_the_next() -> None:
    template = "$!context.responseOverride.header.A$!context.extra"
    setting = "#set($context.responseOverride.header.A = 'x')#set($context.extra = 'y')"
    render(setting, SOURCE)
    assert render(template, SOURCE) == Rendered("")


@each_case(
    "template",
    [
        "#if($context.requestId)",
        "#if($context.requestId",
        "#set($x = )",
        "$util.nothing('x')",
        "$input.nothing",
        "$context.requestId.upper()",
        "$input.path('$.list').append('c')",
        "$input.path('$.map').items()",
        "$input.path('no path at all [')",
        "#if($input.path('$.nothing') > 3)x#end",
        "#set($context.requestOverride.path.id = 'x')",
        "$util.parseJson('{')",
        '#if(["a"].contains("a"))x#end',
    ],
)
def test_what_api_gateway_does_not_know_is_refused(template: str) -> None:
    with pytest.raises(TemplateRefused):
        rendered(template)


def test_only_looking_into_a_body_asks_for_json() -> None:
    assert rendered("$input.body $input.params('id')", body="{") == "{ from path"
    assert rendered("[$input.path('$.x')]", body="") == "[]"
    with pytest.raises(BodyNotJson, match="Could not parse request body into json"):
        rendered("$input.path('$.x')", body="{")


@each_case(
    ("path", "found"),
    [
        ("$.map.one", 1),
        ("$.items[0].id", "1"),
        ("$.items[*].id", ["1", "2"]),
        ("$..id", ["1", "2"]),
        ("$.items[?(@.id == '2')].id", ["2"]),
        ("$.items[*].nothing", []),
        ("$.items[9].id", None),
    ],
)
def test_a_path_that_may_name_several_gives_a_list(path: str, found: Any) -> None:
    assert find(BODY, path) == found
