"""Looks for a processor in the code that is to hold it, so that a mistyped name is refused before anything is made."""

import ast
import zipfile
from pathlib import Path

import pulumi

from components.code_archive import HANDLERS

BUILT_IN = "handlers."


def processor_fault(processor: str, code: pulumi.Archive | None) -> str | None:
    """Tell what is wrong with `module.function` and the code that is given for it, or None.

    Code that is made of assets, not of a folder or zip file, is taken on trust: it may not exist yet.
    """
    is_built_in = processor.startswith(BUILT_IN)
    if not is_built_in and code is None:
        return f"processor is {processor!r}, but its code is missing; give the folder or archive in which it is."
    if is_built_in and code is not None:
        return f"processor is {processor!r}, which is built in; name the module.function in the code that is given."
    if code is not None and not isinstance(code, pulumi.FileArchive):
        return None
    return _fault_in(HANDLERS.parent if code is None else Path(str(code.path)), processor)


def _fault_in(place: Path, processor: str) -> str | None:
    module, _, function = processor.rpartition(".")
    if not place.is_dir() and not zipfile.is_zipfile(place):
        return f"processor is {processor!r}, but its code, {place}, must be a folder or a zip file."
    source = _source(place, module.replace(".", "/"))
    if source is None:
        return f"processor is {processor!r}, but there is no module {module} in {place}."
    try:
        names = _names(source)
    except (SyntaxError, ValueError):
        return None  # it may be of a later Python than this one
    return None if function in names else f"processor is {processor!r}, but {module} in {place} defines no {function}."


def _source(place: Path, path: str) -> bytes | None:
    candidates = (f"{path}.py", f"{path}/__init__.py")
    if place.is_dir():
        return next(((place / name).read_bytes() for name in candidates if (place / name).is_file()), None)
    with zipfile.ZipFile(place) as archive:
        listed = set(archive.namelist())
        return next((archive.read(name) for name in candidates if name in listed), None)


def _names(source: bytes) -> set[str]:
    """What a module binds at its top: functions, classes, imports, and whatever else is assigned to."""
    names: set[str] = set()
    nodes: list[ast.AST] = [ast.parse(source)]
    while nodes:
        match node := nodes.pop():
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)  # and nothing of what it binds inside
            case ast.alias(name=name, asname=asname):
                names.add(asname or name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case _:
                nodes += ast.iter_child_nodes(node)
    return names
