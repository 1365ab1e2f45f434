"""All that is true of an order stands in its record, and files of the domain go in no circle."""

import ast
import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter

from app.domain.commands.orders import SPECS
from app.domain.commands.orders.catalogue import NOUNS
from app.domain.ground.vocabulary import Order
from tests.house.source import ROOT, report, under

#: Where an order may be a key: in its record, and in what a version makes of it.
TABLES = ("app/domain/commands/orders/", "worker/dialects/")


def test_every_order_has_exactly_one_record():
    count = Counter(spec.order for specs in NOUNS.values() for spec in specs)
    assert count == Counter(Order)
    assert list(SPECS) == list(count)


def test_whoever_opens_a_unit_of_work_has_the_whole_catalogue():
    code = (
        "import app.uow; from app.domain.commands.orders import SPECS; "
        "from app.domain.commands import command_rules;"
        "print(len(SPECS), len(command_rules.FOLLOWERS))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == [str(len(Order)), "1"]


def test_no_table_of_orders_stands_beside_the_catalogue():
    found = [
        f"{source.path}:{key.lineno} {ast.unparse(key)}"
        for source in under("app/", "worker/")
        if not source.path.startswith(TABLES)
        for node in source.nodes
        for key in keys(node)
        if ast.unparse(key).startswith("Order.")
    ]
    assert not found, report(found)


def keys(node):
    """The keys of a dict and the members of a set, as they are written."""
    if isinstance(node, ast.Dict):
        return [key for key in node.keys if key is not None]
    return node.elts if isinstance(node, ast.Set) else []


def test_no_files_import_each_other_in_a_circle():
    try:
        TopologicalSorter(imported()).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def imported():
    """Each module of the business, with those of the others that it imports."""
    # Tables name each other in annotations: their relationships go both ways.
    files = [one for one in under("app/") if not one.path.startswith("app/models/")]
    modules = {module_of(source.path): source for source in files}
    return {
        name: {found for _, target in source.imports() if (found := within(target, modules))}
        for name, source in modules.items()
    }


#: Imports each file before any other.
FIRST = """
import importlib, sys
import app.models
for name in sys.argv[1:]:
    for known in [one for one in sys.modules if one.startswith("app.")]:
        if not known.startswith(("app.models", "app.domain.ground.vocabulary")):
            del sys.modules[known]
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name, error)
"""


def test_each_file_of_the_business_can_be_imported_first():
    """What a package runs when one of its files is asked for makes circles that no single file
    shows: whoever is in such a circle, where it begins, is imported first indeed.
    """
    run = {
        name: used | {above for one in used for above in packages(one)} - {*packages(name), name}
        for name, used in imported().items()
    }
    order = [sys.executable, "-c", FIRST, *sorted(between_circles(run))]
    said = subprocess.run(order, cwd=ROOT, capture_output=True, text=True, check=True)
    assert not said.stdout, said.stdout


def packages(name):
    """The packages around a module, which run before it does."""
    parts = name.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts))}


def between_circles(graph):
    """Those of a graph that are in a circle, or between two."""
    while True:
        used = set().union(*graph.values())
        inner = {name for name, others in graph.items() if name in used and others & graph.keys()}
        if inner == graph.keys():
            return inner
        graph = {name: graph[name] & inner for name in inner}


def module_of(path):
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def within(target, modules):
    """The file that an import names: a module, or the one that holds what is imported."""
    if target in modules:
        return target
    parent = target.rpartition(".")[0]
    return parent if parent in modules else None
