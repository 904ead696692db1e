import io
import zipfile
from importlib.metadata import version
from typing import Any

import pulumi
import pytest

from local.resources.layers import content
from local.resources.parameters import Given, InvalidInputError

NATIVE = pulumi.StringAsset("\x7fELF for another processor")


def files_of(assets: dict[str, Any]) -> dict[str, bytes]:
    packed = content(Given(pulumi.AssetArchive(assets), "a layer"))["Content"]["ZipFile"]
    with zipfile.ZipFile(io.BytesIO(packed)) as package:
        return {name: package.read(name) for name in package.namelist()}


def layer_of(name: str, number: str) -> dict[str, Any]:
    return {"python/PIL/_imaging.so": NATIVE, f"python/{name}-{number}.dist-info/METADATA": pulumi.StringAsset("")}


def test_pure_python_stays_as_it_is() -> None:
    assert files_of({"python/beside.py": pulumi.StringAsset("answer = 42")}) == {"python/beside.py": b"answer = 42"}


def test_native_code_is_replaced_by_that_of_this_machine() -> None:
    files = files_of(layer_of("pillow", version("pillow")))
    assert "python/PIL/Image.py" in files
    assert "python/PIL/_imaging.so" not in files


@pytest.mark.parametrize(("name", "number"), [("pillow", "1.0"), ("no-such-library", "1.0")])
def test_a_library_that_is_not_installed_here_is_refused_by_name_and_version(name: str, number: str) -> None:
    with pytest.raises(InvalidInputError, match=f"pip install {name}=={number}"):
        files_of(layer_of(name, number))
