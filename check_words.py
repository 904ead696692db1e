"""Finds words in the project's prose that words.yaml replaces. `make check` runs it.

python -m check_words [PATH ...]   exits with 1 if there is one in these files, by default in all that git knows
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

ROOT = Path(__file__).parent
WORDS = ROOT / "words.yaml"
SUFFIXES = {".py", ".md", ".yaml", ".yml", ".toml", ".in"}
LEFT_OUT = (WORDS, ROOT / "tests" / "unit" / "golden", ROOT / "tests" / "unit" / "test_check_words.py")


def replacements() -> dict[re.Pattern[str], str]:
    """Return the replacement for each pattern of words.yaml."""
    listed: dict[str, str] = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    return {re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE): instead for pattern, instead in listed.items()}


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield a file's prose line by line, with line numbers: of Python, comments and strings of several words."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(source.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield from enumerate(node.value.splitlines(), node.lineno)


def findings(paths: Sequence[Path]) -> Iterator[str]:
    """Yield a line for each word found: place, word, replacement."""
    listed = replacements()
    for path in paths:
        for number, line in sorted(prose(path)):
            for pattern, instead in listed.items():
                for found in pattern.finditer(line):
                    yield f"{_shown(path)}:{number}: {found.group()!r}; write: {instead}"


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def tracked() -> list[Path]:
    """Return the files that git knows, without those that are left out."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S607
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    return [
        path
        for path in paths
        if path.suffix in SUFFIXES and path.is_file() and not any(path.is_relative_to(each) for each in LEFT_OUT)
    ]


def main() -> int:
    """Print what is found; returns the exit code."""
    found = list(findings([Path(name).resolve() for name in sys.argv[1:]] or tracked()))
    for line in found:
        print(line)  # noqa: T201
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
