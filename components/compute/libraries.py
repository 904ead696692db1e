"""Layers with libraries that have native code, such as Pillow, from requirements files with hashes.

pip installs the wheels for the functions' processor and Python on any machine. The files of each requirements file are
kept in the user's cache folder, so an unchanged one needs no network and makes an equal layer.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

import platformdirs
import pulumi
import pulumi_aws as aws
from packaging.requirements import InvalidRequirement, Requirement

from components.arguments import ArgumentError
from components.arguments.architecture import ARM64, Architecture
from components.compute.code_archive import (
    HANDLERS,
    INSTALLERS_FILES,
    MAX_UNPACKED_BYTES,
    File,
    check_size,
    mb,
    unpacked_bytes,
)
from components.compute.lambda_function import RUNTIME
from components.compute.processor_code import (
    BUILT_IN,
    function_environment,
    processing_code,
    wrong_binary,
    wrong_name,
)

_BUILT_IN_FILES = HANDLERS / "processors" / "requirements"
"""Named as the module of the processor that needs them."""

_FOLDER = "python"
"""Lambda's Python finds libraries in this folder of a layer. Source: Lambda guide, "Working with layers for Python"."""

_GLIBC_MINORS = range(34, 16, -1)
"""The versions 2.x of glibc that wheels may need: Amazon Linux 2023 has 2.34."""

_PIP = (
    *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--no-compile"),
    *("--require-hashes", "--only-binary=:all:", "--implementation=cp"),
    f"--python-version={RUNTIME.removeprefix('python')}",
)

_COMPILE = "Compile it: uv pip compile --universal --generate-hashes requirements.in -o requirements.txt"
_SAID_CHARACTERS = 600
"""Of pip's output, in an error."""


def requirements_files(processors: Iterable[str], own: str | None) -> list[Path]:
    """Return the requirements files of a team's processors, if given, and of those built-in ones that have one."""
    modules = {each.rpartition(".")[0] for each in processors if each.startswith(BUILT_IN)}
    beside = (_BUILT_IN_FILES / f"{each.rpartition('.')[2]}.txt" for each in modules)
    return [*([Path(own)] if own else []), *sorted(each for each in beside if each.is_file())]


def libraries_fault(
    files: Sequence[Path], code: pulumi.Archive | None, distributions: Sequence[str], architecture: Architecture = ARM64
) -> str | None:
    """Return what is wrong with requirements files or the libraries that they list, or None."""
    try:
        brought = {path: layer_archive(path, architecture) for path in files}
        code_bytes = unpacked_bytes(processing_code(code, distributions, architecture)) if files else 0
    except ArgumentError as error:
        return str(error)
    owner: dict[str, Path] = {}
    for path, layer in brought.items():
        for name in layer.assets:
            if (other := owner.setdefault(name, path)) != path:
                return f"{path} and {other} both bring {name}; remove the library from one of them."
    total = code_bytes + sum(map(unpacked_bytes, brought.values()))
    if total > MAX_UNPACKED_BYTES:
        return (
            f"code and libraries are {mb(total)} unpacked, but Lambda takes {mb(MAX_UNPACKED_BYTES)}. "
            "Leave out what is not needed."
        )
    return None


def layers(
    name: str, files: Sequence[Path], architecture: Architecture, opts: pulumi.ResourceOptions
) -> list[pulumi.Input[str]]:
    """Create the layer of each requirements file, and return their ARNs.

    Two stacks with a component of the same name share the name of a layer. Each has versions of its own.
    """
    named = {f"{name}-{path.stem if path.parent == _BUILT_IN_FILES else 'processor'}-libraries": path for path in files}
    return [
        aws.lambda_.LayerVersion(
            each,
            layer_name=each,
            code=layer_archive(path, architecture),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[architecture.name],
            opts=opts,
        ).arn
        for each, path in named.items()
    ]


@cache
def layer_archive(path: Path, architecture: Architecture = ARM64) -> pulumi.AssetArchive:
    """Return the layer of a requirements file; raises ArgumentError for a file that pip cannot install."""
    folder = _installed(path, architecture)
    files = {each.relative_to(folder).as_posix(): each for each in sorted(folder.rglob("*")) if each.is_file()}
    for name, file in files.items():
        stored = File(file.stat().st_size, partial(file.open, "rb"))
        if wrong := wrong_name(name) or wrong_binary(name, stored, architecture):
            raise ArgumentError(f"{path} brings {name}, {wrong}.")
    layer = pulumi.AssetArchive({f"{_FOLDER}/{name}": pulumi.FileAsset(str(file)) for name, file in files.items()})
    check_size(layer, f"the layer of {path}")
    return layer


def _installed(path: Path, architecture: Architecture) -> Path:
    """Return the folder with the libraries, which pip fills at the first time."""
    locked = "\n".join(_locked(path, function_environment(architecture)))
    tags = (*(f"manylinux_2_{minor}" for minor in _GLIBC_MINORS), "manylinux2014")
    pip = [*_PIP, *(f"--platform={tag}_{architecture.machine}" for tag in tags)]
    digest = hashlib.sha256("\n".join([locked, *pip]).encode()).hexdigest()
    kept = platformdirs.user_cache_path("portage") / "libraries"
    folder = kept / digest
    if folder.is_dir():
        return folder
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept, prefix="installing-") as name:
        filling = Path(name) / "libraries"
        filling.mkdir()
        lock = Path(name) / "requirements.txt"
        lock.write_text(locked)
        run = subprocess.run(
            [sys.executable, *pip, f"--target={filling}", f"--requirement={lock}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if run.returncode:
            said = " ".join(run.stdout[run.stdout.find("ERROR:") :].split())
            raise ArgumentError(
                f"pip cannot install {path} for {RUNTIME} on {architecture.name}: {said[:_SAID_CHARACTERS]}"
            )
        _remove_what_differs(filling)
        try:
            filling.rename(folder)
        except OSError:  # another process was faster
            if not folder.is_dir():
                raise
    return folder


def _remove_what_differs(folder: Path) -> None:
    """Remove what names this machine or time. Scripts begin with the path of this Python, and nothing calls them."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for each in list(folder.rglob("*.dist-info/*")):
        if each.name in INSTALLERS_FILES:
            each.unlink()


def _locked(path: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the requirements that the functions need, each with its hashes, without markers.

    pip would evaluate markers for this machine. Raises ArgumentError for a line without exact version and hash.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{path} cannot be read: {error}.") from None
    lines = re.sub(r"\\\n", " ", text).splitlines()
    for line in (re.sub(r"(^|\s)#.*", "", each).strip() for each in lines):
        if not line:
            continue
        wanted, *hashes = re.split(r"\s+(?=--hash=)", line)
        try:
            requirement = Requirement(wanted)
        except InvalidRequirement:
            raise ArgumentError(f"{path} has the line {wanted!r}, which is not a requirement. {_COMPILE}") from None
        versions = [each.operator for each in requirement.specifier]
        if versions != ["=="] or not hashes:
            raise ArgumentError(f"{path} has {wanted!r} without an exact version (==) and its hashes. {_COMPILE}")
        if requirement.marker is None or requirement.marker.evaluate({**environment, "extra": ""}):
            yield " ".join([f"{requirement.name}{requirement.specifier}", *hashes])
