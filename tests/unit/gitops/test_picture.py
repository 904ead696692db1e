"""The picture of docs/eks.md shows what Git and the workflow have."""

import re

from eks_picture import eks_picture
from local.argo_cd import built
from tests.support.paths import GITOPS


def test_has_each_object_of_the_namespace() -> None:
    lines = [line.strip() for line in eks_picture().splitlines()]
    kinds = {each["kind"] for each in built(GITOPS / "overlays/dev")} - {"Namespace"}
    assert kinds <= set(lines)


def test_connects_only_what_it_has() -> None:
    lines = [line.strip() for line in eks_picture().splitlines()[1:]]
    ends = {end for line in lines if "-->" in line for end in re.split(r" (?:-- .* )?--> ", line)}
    nodes = {re.split(r"[\[(]", line)[0] for line in lines if "-->" not in line}
    assert ends <= nodes
