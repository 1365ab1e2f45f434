"""Write docs/ocpp.md: `python docs/ocpp_table.py` (or `make docs`).

The table is read off the code: the schemas say which messages there are, the
routes of the dialects which function handles one, that function's syntax tree which
operations of the domain it calls, the tables of orders which order sends one,
and the tests which of them name it.  A test compares the committed file.
"""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
sys.path.insert(0, str(ROOT))

from app.domain.commands import orders as order_tables  # noqa: E402
from app.domain.ground.vocabulary import Order  # noqa: E402
from tests.dialects.order_samples import PREPARED, SAMPLES  # noqa: E402
from worker.dialects import DIALECTS  # noqa: E402
from worker.dialects.records import Bulk, Fact, Outside  # noqa: E402
from worker.ocpp import schemas  # noqa: E402
from worker.ocpp.versions import Version  # noqa: E402

FILE = FOLDER / "ocpp.md"

HEAD = """# OCPP, message by message

Written by `make docs` from the code; a test fails when it is out of date, and when a schema of any
version has no row. *in*: from the station to us. *out*: from us to the station. Every order can be
given from the desk, the API and the command line; what has no order of its own would go as a raw
message, checked against the schema before it is sent. *Disconnect* is the one order without a
message: the worker that holds the socket closes it.

Each message is tested by `tests/dialects/test_every_message.py`: an example with the least and one
with the most members is taken (in: by the real dispatch, on a booted station, with an answer that
its schema allows; out: by the conversation, with the station's answer read), and every way to break
it (a member missing, of the wrong type, too long, unknown, too many, of the wrong form) is answered
with the exact error code of its version. The frames of all orders are held against the schemas by
`tests/dialects/test_orders.py`. The last column names what else tests it: files about that version
that name the message (*several*: the file is about more versions than this one), and tests of the
domain that name its operations or its order. *recordings*: `tests/fixtures/frames/`, replayed to a
running worker.
"""

#: Modules of the domain that only hold values.
_VALUES = {"vocabulary", "errors", "clock", "numbers", "texts", "orders", "quirks"}
#: What tells which version a file of tests is about, where its name does not.
_MARKS = {
    Version.V16: ("ocpp1.6", "dialects.v16", "ocpp.v16", "Version.V16", '"1.6"'),
    Version.V201: ("ocpp2.0.1", "dialects.v201", "ocpp.v201", "Version.V201", '"2.0.1"'),
    Version.V21: ("ocpp2.1", "dialects.v21", "ocpp.v21", "Version.V21", '"2.1"'),
}
_EACH = ("in Version", '"version", Version', "params=Version")
_IN_NAME = {"_16": Version.V16, "_201": Version.V201, "_21": Version.V21}
#: Operations that half of the tests call for other reasons.
_EVERYWHERE = {"reports.add", "sessions.begin", "energy.to_base_unit"}
#: A file that names the messages of every version says nothing about one.
_OF_ALL = {"test_every_message.py", "test_orders_complete.py", "examples.py", "order_samples.py"}


class Row:
    """One message of one version in one direction."""

    def __init__(
        self,
        version: Version,
        action: str,
        direction: str,
        handled: str,
        does: list[str],
        orders: tuple[Order, ...] = (),
    ) -> None:
        self.version, self.action, self.direction = version, action, direction
        self.handled, self.does = handled, does
        self.tests = [*tests_of(version, action), *tests_of_domain(does, orders)]

    def line(self) -> str:
        """The row as Markdown."""
        does = ", ".join(f"`{name}`" for name in self.does) or "–"
        tests = ", ".join(self.tests) or "–"
        cells = (self.action, self.direction, self.handled, does, tests)
        return f"| {' | '.join(cells)} |"


def rows(version: Version) -> list[Row]:
    """Every message that the version's schemas define, by name; one row a direction."""
    routes: Any = DIALECTS[version].routes
    found = []
    for action in sorted(
        {action for action, kind in schemas._file_names(version) if kind == "call"}
    ):
        route = routes.get(action)
        if route is not None:
            name, does = heard(version, route.handler)
            found.append(Row(version, action, "in", f"`{name}`", does))
        if route is None or action == "DataTransfer":
            orders, does = said(version, action)
            labels = ", ".join(order_tables.SPECS[order].label for order in orders)
            found.append(Row(version, action, "out", labels or "raw only", does, orders))
    return found


def heard(version: Version, handler: Any) -> tuple[str, list[str]]:
    """A handler's name, and the operations of the domain that it calls."""
    if isinstance(handler, Bulk):
        name, does = heard(version, handler.read)
        return name, sorted({*does, "metering.store"})
    if isinstance(handler, Fact):
        name, does = heard(version, handler.read)
        does += heard(version, handler.answer)[1]
        together = handler.together
        if together.__module__.startswith("app.domain."):
            place = _in_its_room(together.__module__).split(".")[0]
            does.append(f"{place}.{together.__name__}")
        else:
            does += heard(version, together)[1]
        # By the operation for one, whose road is that for many.
        named = sorted({operation.removesuffix("_all") for operation in does})
        return _place(handler, version) or name, named
    if isinstance(handler, Outside):
        named = _place(handler, version) or heard(version, handler.then)[0]
        return named, sorted({*heard(version, handler.ask)[1], *heard(version, handler.then)[1]})
    does = sorted(set(operations(handler.__module__, handler.__qualname__.split(".")[0])))
    if "<locals>" not in handler.__qualname__:
        return f"{_short(handler.__module__)}.{handler.__name__}", does
    return _place(handler, version) or handler.__qualname__, does


def said(version: Version, action: str) -> tuple[tuple[Order, ...], list[str]]:
    """The orders that become a message, and what follows from their answers."""
    orders, does = [], []
    for order, encoding in DIALECTS[version].orders.items():
        if order is Order.RAW or action not in _actions(order, encoding):
            continue
        orders.append(order)
        if (consequence := order_tables.SPECS[order].after) is not None:
            module = getattr(consequence, "__module__", "")
            name = getattr(consequence, "__name__", "")
            if module and name and name != "<lambda>":
                does.append(f"{_in_its_room(module)}.{name}")
    return tuple(orders), sorted(set(does))


def _actions(order: Order, encoding: Any) -> set[str]:
    if isinstance(encoding.action, str):
        return {encoding.action}
    found = set()
    for sample in SAMPLES.get(order, []):
        given = {**order_tables.arguments(order, sample), **PREPARED.get(order, {})}
        try:
            encoding.encode(given)
            found.add(encoding.action_for(given))
        except (KeyError, ValueError):
            continue
    return found


SHARED = "worker.dialects.shared"


def _place(value: Any, version: Version) -> str:
    """The module and name under which a dialect keeps a value."""
    folder = f"v{version.value.replace('.', '')}"
    for name in (*_dialects(folder), *_dialects("v201"), *_dialects("v16"), SHARED):
        module = importlib.import_module(name)
        for attribute, held in vars(module).items():
            if held is value:
                return f"{_short(name)}.{attribute}"
    return ""


def _dialects(folder: str) -> list[str]:
    files = sorted((ROOT / "worker" / "dialects" / folder).glob("*.py"))
    stems = [path.stem for path in files if path.stem != "__init__"]
    return [f"worker.dialects.{folder}.{stem}" for stem in stems]


def _in_its_room(module: str) -> str:
    """What stands in a room of the domain, without the room."""
    return module.removeprefix("app.domain.").partition(".")[2]


def _short(module: str) -> str:
    return module.removeprefix("worker.dialects.")


# The operations that a function calls


@cache
def _source(module: str) -> tuple[dict[str, ast.AST], dict[str, str]]:
    """A module's functions and, by local name, what it imports of ours."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    functions: dict[str, ast.AST] = {}
    names: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = node
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            ("app.domain", "worker.dialects")
        ):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return functions, names


def operations(module: str, function: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The domain's operations that a function of a dialect calls, through helpers too."""
    here = f"{module}.{function}"
    functions, names = _source(module)
    if here in seen or function not in functions:
        return
    seen = seen | {here}
    for node in ast.walk(functions[function]):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        if isinstance(node, ast.Name):
            if node.id in functions:
                yield from operations(module, node.id, seen)
                continue
            target = names.get(node.id, "")
        elif isinstance(node.value, ast.Name) and node.value.id in names:
            target = f"{names[node.value.id]}.{node.attr}"
        else:
            continue
        yield from _followed(target, seen)


def _followed(target: str, seen: frozenset[str]) -> Iterator[str]:
    holder, _, name = target.rpartition(".")
    if target.startswith("worker.dialects.") and name[:1].islower():
        try:
            importlib.import_module(holder)
        except ModuleNotFoundError:
            return
        yield from operations(holder, name, seen)
    elif target.startswith("app.domain.") and name[:1].islower():
        short = _in_its_room(target)
        noun = short.split(".")[0]
        held: Any = importlib.import_module(f"{target.removesuffix(short)}{noun}")
        for step in short.split(".")[1:]:
            held = getattr(held, step, None)
        if noun not in _VALUES and inspect.isfunction(held):
            yield short


# The tests that name a message


@cache
def _tests() -> list[tuple[str, frozenset[Version], str]]:
    """Every file of tests: its name, the versions that it is about, and its text."""
    found = []
    tests = ROOT / "tests"
    for path in sorted(tests.rglob("test_*.py")):
        if path.name in _OF_ALL or path.parent.name in ("ocpp", "house"):
            continue
        text = path.read_text(encoding="utf-8")
        found.append((path.relative_to(tests).as_posix(), _about(path.stem, text), text))
    frames = tests / "fixtures" / "frames"
    for path in sorted(frames.rglob("*.jsonl")):
        version = Version(path.parent.name)
        name = path.relative_to(tests / "fixtures").as_posix()
        found.append((name, frozenset({version}), path.read_text(encoding="utf-8")))
    return found


def _about(stem: str, text: str) -> frozenset[Version]:
    for ending, version in _IN_NAME.items():
        if stem.endswith(ending):
            return frozenset({version})
    marked = {version for version, marks in _MARKS.items() if any(mark in text for mark in marks)}
    if any(mark in text for mark in _EACH):
        marked = set(Version)
    if stem.endswith("_2x"):
        return frozenset({Version.V201, Version.V21})
    return frozenset(marked)


def tests_of(version: Version, action: str) -> list[str]:
    """The files of tests about the version that name the message; recordings are one of them."""
    pattern = re.compile(rf"""["'.]{action}["'(]""")
    files, recordings = [], False
    for name, versions, text in _tests():
        if version in versions and not name.startswith("domain/") and pattern.search(text):
            if name.endswith(".jsonl"):
                recordings = True
            else:
                files.append(f"`{name}`" if len(versions) == 1 else f"`{name}` (several)")
    if recordings:
        files.append("recordings")
    return files


def tests_of_domain(does: list[str], orders: tuple[Order, ...]) -> list[str]:
    """The files of tests of the domain, which knows no version, that name the operations."""
    wanted = [rf"\b{re.escape(name)}\(" for name in does if name not in _EVERYWHERE]
    wanted += [rf"\bOrder\.{order.name}\b" for order in orders]
    if not wanted:
        return []
    pattern = re.compile("|".join(wanted))
    return [
        f"`{name}`"
        for name, _, text in _tests()
        if name.startswith("domain/") and pattern.search(text)
    ]


def page() -> str:
    """The whole file."""
    parts = [HEAD.rstrip()]
    for version in Version:
        found = rows(version)
        count = len({row.action for row in found})
        parts.append(f"\n## OCPP {version.value}: {count} messages\n")
        parts.append("| message | way | handled by, or sent by the order | operations | tests |")
        parts.append("|---|---|---|---|---|")
        parts += [row.line() for row in found]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
