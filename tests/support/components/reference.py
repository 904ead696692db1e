"""docs/components.md: arguments, outputs and children of each component. `make golden` writes it."""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from generate import SCHEMA_JSON
from tests.support.components.examples import COMPONENTS, NAME, Example
from tests.support.components.recording import Recording, record
from tests.support.paths import PROJECT

COMPONENTS_MD = PROJECT / "docs" / "components.md"

_HEAD = """# Components

Written by `make golden` from `docs/schema.json` and from what each component registers. Names are those of YAML,
TypeScript, Go, C# and Java; in Python, `maxUploadBytes` is `max_upload_bytes`. Children are those of the default
arguments with each `compute` of ProcessingPipeline and each `mode` of EksArgoDeploy, and those of all arguments.

The name of a component is the prefix of all its resources' names in AWS, to which Pulumi adds random digits. So
`new UploadApi("legal-scans", ...)` makes the bucket `legal-scans-ingest-` and seven digits.

Give UploadApi and ProcessingPipeline the same values for the arguments that both have. With `allowedContentTypes`, for
example, UploadApi checks the type that a client declares, and ProcessingPipeline the bytes.

## Change any child

The children below have stable names: a version that renames one that keeps data gives it an alias. What has no argument
can be changed with Pulumi's transforms, which see each child before it is registered. In Python:

```python
def cheaper(each: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    if each.name != "scans-uploads" or each.type_ != "aws:dynamodb/table:Table":
        return None
    return pulumi.ResourceTransformResult({**each.props, "tableClass": "STANDARD_INFREQUENT_ACCESS"}, each.opts)


StatusTracker("scans", args, pulumi.ResourceOptions(transforms=[cheaper]))
```

The engine runs `transforms`, so they also reach the children of a package's components, from TypeScript and Go too.
YAML has none. With components as Python classes, `transformations` do the same, also in `make local` and in tests with
mocks; their properties have Python's names (`table_class`). A transform can replace what keeps data: read the preview.
"""


def components_md(everything: Mapping[str, Recording]) -> str:
    """Return the page; `everything` is what each component registers with all arguments, by its title."""
    schema = json.loads(SCHEMA_JSON.read_text(encoding="utf-8"))
    lines = [_HEAD]
    for example in COMPONENTS:
        described = schema["resources"][f"portage:index:{example.title}"]
        lines += [f"\n## {example.title}\n", described["description"]]
        lines += ["\n### Arguments\n", "| argument | type | what it is |", "|---|---|---|"]
        required = set(described["requiredInputs"])
        lines += [_input(name, each, is_required=name in required) for name, each in _sorted(described, required)]
        lines += ["\n### Outputs\n", "| output | what it is |", "|---|---|"]
        lines += [f"| `{name}` | {_cell(each['description'])} |" for name, each in described["properties"].items()]
        lines += ["\n### Children\n", "| name | type | made |", "|---|---|---|"]
        lines += _children(example, everything[example.title])
    return "\n".join(lines) + "\n"


def write() -> None:
    """Write the page."""
    logging.disable(logging.WARNING)  # all arguments together have some that only another compute reads
    try:
        made = {
            each.title: record(lambda each=each: each.create(NAME, each.everything()) and None) for each in COMPONENTS
        }
        page = components_md(made)
    finally:
        logging.disable(logging.NOTSET)
    COMPONENTS_MD.write_text(page, encoding="utf-8")


def _sorted(described: Mapping[str, Any], required: set[str]) -> list[tuple[str, Any]]:
    return sorted(described["inputProperties"].items(), key=lambda item: (item[0] not in required, item[0]))


def _input(name: str, each: Mapping[str, Any], *, is_required: bool) -> str:
    return f"| `{name}`{' (required)' if is_required else ''} | {_kind(each)} | {_cell(each['description'])} |"


def _kind(each: Mapping[str, Any]) -> str:
    if "$ref" in each:
        return each["$ref"].rpartition("/")[2].rpartition(":")[2]
    if each["type"] == "array":
        return f"list of {_kind(each['items'])}"
    return f"map of {_kind(each['additionalProperties'])}" if each["type"] == "object" else each["type"]


def _children(example: Example, everything: Recording) -> Iterator[str]:
    """Yield a row for each child, with what it takes that it is made."""
    choices = example.choices or {"": [{}]}
    least, more = dict[str, set[tuple[str, str]]](), dict[str, set[tuple[str, str]]]()
    for choice, (first, *others) in choices.items():
        least[choice] = _names(record(lambda args=first: example.make(**args) and None))
        more[choice] = {
            each for args in others for each in _names(record(lambda args=args: example.make(**args) and None))
        }
    most = _names(everything)
    for child in sorted(most.union(*least.values(), *more.values())):
        by_itself = [choice for choice, made in least.items() if child in made]
        if len(by_itself) == len(choices):
            made = "always" if child in most else "by default"
        elif by_itself:
            made = f"with `{example.chosen_by}` {' or '.join(by_itself)}"
            if child in most and example.other[example.chosen_by] not in by_itself:
                made += ", or with arguments"
        elif child in most:
            made = "with arguments"
        else:
            (choice,) = (choice for choice, made in more.items() if child in made)
            made = f"with arguments of `{example.chosen_by}` {choice}"
        name, kind = child
        yield f"| `{name.replace(NAME, 'NAME', 1)}` | {kind} | {made} |"


def _names(recording: Recording) -> set[tuple[str, str]]:
    return {(each.name, each.type) for each in recording.registrations[1:]}


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
