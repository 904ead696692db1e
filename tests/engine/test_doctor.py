"""`portage doctor` reads what the real CLI prints: a plan before the first update, and a state after it."""

import json

from client.operators.doctor import drift, quotas, resources
from client.operators.doctor.account import Account
from client.operators.doctor.findings import Severity
from client.operators.doctor.resources import Stack
from tests.engine.conftest import MakeProject

BUCKET, FUNCTION, ROLE = "aws:s3/bucket:Bucket", "aws:lambda/function:Function", "aws:iam/role:Role"
KINDS = (BUCKET, FUNCTION, ROLE)


def read(document: str) -> Stack:
    return resources.read(json.loads(document[document.index("{") :]))


def test_a_plan_grows_by_what_the_update_makes_and_the_state_is_as_declared(make_project: MakeProject) -> None:
    project = make_project()
    stack, account = project.stack("dev"), Account("eu-central-1", lambda service, _: project.emulator.client(service))
    before = read(stack.plan())
    stack.up()
    after = read(json.dumps({"version": 3, "deployment": stack.state()}))
    again = read(stack.plan())

    assert (before.name, before.region, before.is_planned) == ("dev", "eu-central-1", True)
    assert [before.growth(kind) for kind in KINDS] == [len(after.of(kind)) for kind in KINDS]
    assert all(before.growth(kind) > 0 for kind in KINDS)
    assert [again.growth(kind) for kind in KINDS] == [0, 0, 0]
    assert [len(again.of(kind)) for kind in KINDS] == [len(after.of(kind)) for kind in KINDS]
    assert after.outputs["ingestBucket"] in {each.id for each in after.of(BUCKET)}
    assert (after.name, after.is_planned) == ("dev", False)

    found = [*drift.check(after, account), *quotas.check(after, account)]
    assert [each.text for each in found if each.severity is Severity.ERROR] == []
    (compared,) = [each for each in found if each.what == "inputs compared"]
    assert int(compared.value) > 150
