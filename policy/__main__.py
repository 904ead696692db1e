"""The policy pack that the Pulumi engine starts.

Constructing a PolicyPack serves until the engine ends it. It is therefore constructed here and nowhere else.
"""

from pathlib import Path

import yaml
from pulumi_policy import EnforcementLevel, PolicyPack

from core.pack import policies

_DESCRIBED = yaml.safe_load((Path(__file__).parent / "PulumiPolicy.yaml").read_text(encoding="utf-8"))

PolicyPack(
    name=_DESCRIBED["name"],
    description=_DESCRIBED["description"],
    provider="aws",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=policies(),
)
