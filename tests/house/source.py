"""The project's own Python files, read and parsed once, for the tests of the house."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("app", "worker", "deploy", "bench", "migrations", "tests")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Source:
    """One Python file: where it is and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree; who looks for words only needs none."""
        return ast.parse(self.text, filename=self.path)

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the syntax tree; walked once, because many rules look at them."""
        return list(ast.walk(self.tree))

    def imports(self) -> Iterator[tuple[int, str]]:
        """Yield (line, dotted name) for every import, those inside functions too.

        `from a.b import c` yields `a.b.c`, so that rules can name either a module or its contents.
        """
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                for alias in node.names:
                    yield node.lineno, f"{node.module}.{alias.name}"

    def calls(self) -> Iterator[tuple[int, str]]:
        """Yield (line, dotted name as written) for every call of a named thing."""
        for node in self.nodes:
            if isinstance(node, ast.Call):
                yield node.lineno, ast.unparse(node.func)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Yield every function and method."""
        yield from (node for node in self.nodes if isinstance(node, FUNCTION))


@cache
def sources() -> tuple[Source, ...]:
    """Return all Python files of the project, `wsgi.py` first."""
    paths = [ROOT / "wsgi.py"]
    for folder in FOLDERS:
        paths += sorted((ROOT / folder).rglob("*.py"))
    found = []
    for path in paths:
        if path.exists():
            text = path.read_text(encoding="utf-8")
            name = path.relative_to(ROOT).as_posix()
            found.append(Source(name, text))
    return tuple(found)


def under(*prefixes: str) -> list[Source]:
    """Return the files whose path begins with one of the prefixes."""
    return [source for source in sources() if source.path.startswith(prefixes)]


def is_standard(module: str) -> bool:
    """Tell whether a dotted name belongs to Python's standard library."""
    return module.split(".")[0] in sys.stdlib_module_names


def is_within(module: str, names: tuple[str, ...]) -> bool:
    """Tell whether a dotted name is one of `names` or lies below one of them."""
    return any(module == name or module.startswith(name + ".") for name in names)


def report(offences: list[str]) -> str:
    """Return a readable list for an assertion's message."""
    return "\n" + "\n".join(offences)
