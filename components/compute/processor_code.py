"""Checks a processor and its code, so that code that would fail at the first upload is an error of the deployment.

No module may have the name of a module of Python, Lambda's runtime or Portage, native code must be for the functions'
processor and Python, and a team's own modules must be valid Python. Modules of installed distributions are not parsed,
because some distributions ship templates and examples that are not valid Python.

The Python that runs the program parses a team's modules. If it is older than the functions' Python, it rejects newer
syntax too, and the error names both versions.
"""

import ast
import csv
import io
import re
import sys
import tokenize
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path, PurePosixPath

import pulumi
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from components.arguments import ArgumentError
from components.arguments.architecture import ARM64, Architecture
from components.compute.code_archive import (
    HANDLERS,
    TEAM_FOLDER,
    File,
    code_archive,
    files_by_name,
    files_of,
    is_zip_file,
    shipped,
)
from components.compute.lambda_function import RUNTIME

BUILT_IN = "handlers."

_MAJOR, _MINOR = RUNTIME.removeprefix("python").split(".")
_VERSION = (int(_MAJOR), int(_MINOR))
_PYTHON = f"Python {_MAJOR}.{_MINOR}"
_THIS_PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"
_NO_LONGER_PYTHONS = frozenset(
    "aifc asynchat asyncore audioop cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis nntplib "  # noqa: SIM905
    "ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib".split()
)
"""Modules that Python has removed up to 3.13, so a team may ship them.

Source: What's New in Python 3.12 and 3.13, "Removed".
"""
_NOT_YET_PYTHONS = frozenset({"annotationlib", "compression"})
"""Modules that 3.14 adds."""
_IN_RUNTIME = ("boto3", "botocore", "s3transfer", "awslambdaric")
_TAKEN = {
    **dict.fromkeys(sys.stdlib_module_names - _NO_LONGER_PYTHONS - _NOT_YET_PYTHONS, "Python's own; rename it"),
    **dict.fromkeys(_IN_RUNTIME, "in Lambda's runtime; leave it out"),
    "handlers": "Portage's own package; rename it",
    "filetype": "shipped by Portage; leave it out",
}
"""Modules that the process imports, or may import, before a team's module of the same name."""

_FUNCTION_ENVIRONMENT = {
    "python_version": f"{_MAJOR}.{_MINOR}",
    "python_full_version": f"{_MAJOR}.{_MINOR}.0",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
}

_NATIVE = re.compile(r"\.so(\.\d+)*$")
_FOREIGN = (".pyd", ".dll", ".dylib")
_TAG = re.compile(r"\.(cpython-\d+[a-z]*|pypy\d+[^.]*)[-.]")
_ELF_64_LITTLE = b"\x7fELF\x02\x01"
_ELF_HEADER_BYTES = 20

_UNTOLD = frozenset({"__getattr__", "globals", "vars", "locals", "exec", "setattr"})
"""With one of these a module may have names that its source does not show."""


def function_environment(architecture: Architecture) -> dict[str, str]:
    """Return where a processor runs, in the words of dependency specifiers (Python packaging specifications)."""
    return {**_FUNCTION_ENVIRONMENT, "platform_machine": architecture.machine}


def processing_code(
    team_code: pulumi.Archive | None, distributions: Sequence[str] = (), architecture: Architecture = ARM64
) -> pulumi.AssetArchive:
    """Return the archive of jobs, with the libraries of the processor; raises ArgumentError as code_archive does."""
    return code_archive(["filetype", *with_requirements(distributions, architecture)], team_code)


def processors_fault(
    processors: Mapping[str, str], code: pulumi.Archive | None, architecture: Architecture = ARM64
) -> str | None:
    """Return the first error in each `module.function`, by the name of its argument, and in their code, or None.

    Of code that is made of assets, what is there is checked; the processors themselves may not exist yet.
    """
    ours = {name: each for name, each in processors.items() if each.startswith(BUILT_IN)}
    teams = {name: each for name, each in processors.items() if name not in ours}
    if teams and code is None:
        name, processor = next(iter(teams.items()))
        near = get_close_matches(processor, built_in_processors(), n=1)
        hint = f", or did you mean the built-in {near[0]}?" if near else "."
        return f"{name} is {processor!r}, but its code is missing; give the folder or archive that has it{hint}"
    if not teams and code is not None:
        name, processor = next(iter(ours.items()))
        return f"{name} is {processor!r}, which is built in; name the module.function in the code that is given."
    with ExitStack() as stack:
        return _first_fault(ours, lambda: _our_modules(stack)) or _first_fault(
            teams, lambda: _team_modules(code, stack, architecture) if code else None
        )


@cache
def built_in_processors() -> tuple[str, ...]:
    """Return the processors that Portage has, as `module.function`."""
    modules = sorted((HANDLERS / "processors").glob("*.py"))
    defined = [path.stem for path in modules if "process" in _names(ast.parse(path.read_bytes()))[0]]
    return tuple(f"{BUILT_IN}processors.{module}.process" for module in defined)


def _first_fault(processors: Mapping[str, str], load: Callable[[], "_Modules | None"]) -> str | None:
    modules: _Modules | None = None
    for index, (name, processor) in enumerate(processors.items()):
        try:
            modules = load() if index == 0 else modules
            if modules is not None:
                _check_processor(processor, modules)
        except ArgumentError as error:
            return f"{name} is {processor!r}, but {error}"
    return None


def distributions_fault(
    distributions: Sequence[str], code: pulumi.Archive | None, architecture: Architecture = ARM64
) -> str | None:
    """Return what is wrong with the distributions that are shipped beside a processor's code, or None."""
    if not distributions:
        return None
    try:
        for name in with_requirements(distributions, architecture):
            _check_names_in(name)
        processing_code(code, distributions, architecture)
    except ArgumentError as error:
        return f"is {list(distributions)}, but {error}"
    return None


def _check_names_in(distribution: str) -> None:
    for path in files_of(distribution):
        wrong = "but that is the folder of processorCode" if path.startswith(f"{TEAM_FOLDER}/") else wrong_name(path)
        if wrong:
            raise ArgumentError(f"the distribution {distribution} holds {path}, {wrong}.")


def with_requirements(distributions: Sequence[str], architecture: Architecture = ARM64) -> list[str]:
    """Return these installed distributions and all that they require on the functions' Python, in order of names.

    What Lambda's runtime has is left out. Raises ArgumentError for one that is not installed.
    """
    found: set[tuple[str, str]] = set()
    wanted = [(name, "") for name in distributions]
    while wanted:
        name, extra = wanted.pop()
        name = canonicalize_name(name)
        if name not in _IN_RUNTIME and (name, extra) not in found:
            found.add((name, extra))
            wanted += _requirements(name, {**function_environment(architecture), "extra": extra})
    return sorted({name for name, _ in found})


def _requirements(distribution: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what a distribution requires in an environment, alone or with one of its extras, as names and extras."""
    try:
        listed = [Requirement(each) for each in requires(distribution) or []]
    except PackageNotFoundError:
        raise ArgumentError(
            f"the distribution {distribution} is not installed; install it where the Pulumi program runs."
        ) from None
    except InvalidRequirement as error:
        raise ArgumentError(
            f"the distribution {distribution} has a requirement that is not valid: {error}; install a newer version."
        ) from None
    for each in listed:
        if each.marker is None or each.marker.evaluate(dict(environment)):
            yield from ((each.name, wanted) for wanted in ("", *each.extras))


def _our_modules(stack: ExitStack) -> "_Modules":
    return _Modules(str(HANDLERS.parent), files_by_name(processing_code(None), stack))


def _team_modules(code: pulumi.Archive, stack: ExitStack, architecture: Architecture) -> "_Modules | None":
    """Check a team's code, and return its modules if it is a folder or a zip file."""
    place = "its code"
    if isinstance(code, pulumi.FileArchive):
        place = str(code.path)
        if not Path(place).is_dir() and not is_zip_file(Path(place)):
            raise ArgumentError(f"its code, {place}, must be a folder or a zip file.")
    modules = _Modules(place, files_by_name(shipped(code), stack))
    for name, file in modules.files.items():
        if wrong := wrong_name(name) or wrong_binary(name, file, architecture):
            raise ArgumentError(f"{place} holds {name}, {wrong}.")
    for name in modules.own():
        modules.tree(name)
    processing_code(code)
    return modules if isinstance(code, pulumi.FileArchive) else None


def _check_processor(processor: str, modules: "_Modules") -> None:
    module, _, function = processor.rpartition(".")
    if modules.find(module) is None:
        why, known = (
            f"there is no module {module} in {modules.place}",
            [f"{each}.{function}" for each in modules.names()],
        )
    elif not modules.may_define(module, function):
        why, known = f"{module} in {modules.place} defines no {function}", modules.functions(module)
    else:
        return
    fix = "correct the name"
    if processor.startswith(BUILT_IN):
        known = built_in_processors()
        fix = f"the built-in ones are {', '.join(known)}"
    near = get_close_matches(processor, known, n=1)
    raise ArgumentError(f"{why}; did you mean {near[0]}?" if near else f"{why}; {fix}.")


def wrong_name(name: str) -> str | None:
    """Return why a function cannot have a module of this name, or None."""
    is_module = name.endswith(".py") or _NATIVE.search(name)
    folder, is_inside, _ = name.partition("/")
    top = folder if is_inside else name.partition(".")[0]
    return f"but {top} is {_TAKEN[top]}" if is_module and top in _TAKEN else None


def wrong_binary(name: str, file: File, architecture: Architecture) -> str | None:
    """Return why a file with native code does not run in a function, or None."""
    get_wheels = (
        f"get its wheels with: pip install --platform manylinux2014_{architecture.machine} --python-version "
        f"{_MAJOR}.{_MINOR} --only-binary=:all: --target FOLDER NAME"
    )
    if name.endswith(_FOREIGN):
        return f"which is not for Linux; {get_wheels}"
    head = file.read(_ELF_HEADER_BYTES)
    is_elf, is_native = head.startswith(_ELF_64_LITTLE[:4]), _NATIVE.search(name)
    if (is_elf or is_native) and not (head.startswith(_ELF_64_LITTLE) and head.endswith(architecture.elf_machine)):
        return f"which is not for the processor of the functions, {architecture.name}; {get_wheels}"
    if is_native and (tag := _TAG.search(name)) and tag[1] != f"cpython-{_MAJOR}{_MINOR}":
        return f"which is not for {_PYTHON}, but for {tag[1]}; {get_wheels}"
    return None


@dataclass(frozen=True)
class _Modules:
    """The modules of a team's code or of the handlers."""

    place: str
    files: Mapping[str, File]

    def own(self) -> list[str]:
        """Return the files of modules that do not belong to an installed distribution."""
        installed: set[str] = set()
        for name, file in self.files.items():
            path = PurePosixPath(name)
            if path.name == "RECORD" and path.parent.suffix == ".dist-info":
                rows = csv.reader(io.StringIO(file.read().decode()))
                installed |= {(path.parents[1] / row[0]).as_posix() for row in rows if row}
        return [name for name in self.files if name.endswith(".py") and name not in installed]

    def names(self) -> list[str]:
        """Return the names of all modules in Python."""
        paths = [name.removesuffix(".py") for name in self.files if name.endswith(".py")]
        return [path.removesuffix("/__init__").replace("/", ".") for path in paths]

    def functions(self, module: str) -> list[str]:
        """Return what a module defines at its top level, as `module.function`."""
        return [f"{module}.{name}" for name in _names(self.tree(self.find(module) or ""))[0]]

    def find(self, module: str) -> str | None:
        """Return the file of a module, as Python would find it."""
        path = module.replace(".", "/")
        if (package := f"{path}/__init__.py") in self.files:
            return package
        native = re.compile(rf"{re.escape(path)}\.[^/]*so")
        found = next((name for name in self.files if native.fullmatch(name)), f"{path}.py")
        return found if found in self.files else None

    def may_define(self, module: str, name: str, seen: frozenset[str] = frozenset()) -> bool:
        """Return whether a module binds the name at its top level, or may do so."""
        path = self.find(module)
        if path is None or not path.endswith(".py"):
            return True  # it is not in this code, or native
        names, stars = _names(self.tree(path))
        package = module if path.endswith("/__init__.py") else module.rpartition(".")[0]
        others = {_absolute(package, star) for star in stars} - seen
        return (
            name in names
            or bool(names & _UNTOLD)
            or any(self.may_define(other, name, seen | {module, *others}) for other in others)
        )

    def tree(self, name: str) -> ast.Module:
        """Return the syntax tree of a file; raises ArgumentError if it is not valid Python."""
        source = self.files[name].read()
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
            source.decode(encoding)
        except (SyntaxError, UnicodeDecodeError) as error:
            why = f"its encoding is neither UTF-8 nor the one that it names ({error})"
            raise ArgumentError(self._not_valid(name, why)) from None
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(source, feature_version=_VERSION)
                compile(tree, name, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise ArgumentError(self._not_valid(name, f"line {error.lineno or 1}, {error.msg}")) from None
        except ValueError as error:  # null bytes, before 3.11.4
            raise ArgumentError(self._not_valid(name, str(error))) from None
        return tree

    def _not_valid(self, name: str, why: str) -> str:
        if sys.version_info >= _VERSION:
            return f"{self.place} holds {name}, which is not valid {_PYTHON}: {why}."
        return (
            f"{self.place} holds {name}, which is not valid {_THIS_PYTHON}: {why}. Correct it; if it is syntax of a "
            f"newer Python, up to the functions' {_PYTHON}, run this program with {_PYTHON}."
        )


def _absolute(package: str, star: ast.ImportFrom) -> str:
    above = package.split(".")[: len(package.split(".")) - star.level + 1] if star.level else []
    return ".".join([*above, *([star.module] if star.module else [])])


def _names(tree: ast.Module) -> tuple[set[str], list[ast.ImportFrom]]:
    """Return the names that a module binds or calls at its top level, and its star imports."""
    names: set[str] = set()
    stars: list[ast.ImportFrom] = []
    nodes: list[ast.AST] = [tree]
    while nodes:
        match node := nodes.pop():
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)  # without the names inside it
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                stars.append(node)
            case ast.alias(name=name, asname=asname):
                names.add(asname or name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Call(func=ast.Name(id=name)) if name in _UNTOLD:
                names.add(name)
            case _:
                nodes += ast.iter_child_nodes(node)
    return names, stars
