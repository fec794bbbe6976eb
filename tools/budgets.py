"""Keeps modules and functions small.

A module above 300 lines is a warning, above 500 a failure, as are 400 for the settings and 50 for a function.
Own Python and JavaScript is measured; migrations and vendored packages are not.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("src", "tests", "tools")
NOT_OURS = {"migrations", "vendor", "node_modules", "__pycache__"}
MODULE_WARNING, MODULE_MAX, FUNCTION_MAX = 300, 500, 50
STRICTER = {"src/tresen/config/settings.py": 400}


def sources() -> Iterator[Path]:
    """Every measured file, relative to the root, in order."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            relative = path.relative_to(ROOT)
            if path.suffix in {".py", ".js"} and not NOT_OURS & set(relative.parts):
                yield relative


def long_functions(source: str) -> Iterator[tuple[int, str, int]]:
    """(line, name, length) of every function above the budget; decorators do not count."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_MAX:
                yield node.lineno, node.name, length


def main() -> int:
    """Prints the offenders; returns 1 when a hard budget is broken."""
    warnings, failures = [], []
    for path in sources():
        source = (ROOT / path).read_text(encoding="utf-8")
        lines, most = source.count("\n"), STRICTER.get(path.as_posix(), MODULE_MAX)
        if lines > most:
            failures.append(f"{path}: {lines} lines, at most {most}")
        elif lines > MODULE_WARNING and path.as_posix() not in STRICTER:
            warnings.append(f"{path}: {lines} lines, better {MODULE_WARNING}")
        if path.suffix == ".py":
            failures += [
                f"{path}:{line}: function {name} has {length} lines, at most {FUNCTION_MAX}"
                for line, name, length in long_functions(source)
            ]
    for text in warnings:
        print(f"warning: {text}")
    for text in failures:
        print(text)
    print(f"budgets: {len(failures)} broken, {len(warnings)} warnings")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
