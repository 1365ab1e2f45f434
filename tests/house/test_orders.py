"""All that is true of an order stands in its record, and files of the domain go in no circle."""

import ast
import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter

import pytest

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
    # Tables name each other in annotations: their relationships go both ways.
    files = [one for one in under("app/") if not one.path.startswith("app/models/")]
    modules = {module_of(source.path): source for source in files}
    graph = {
        name: {found for _, target in source.imports() if (found := within(target, modules))}
        for name, source in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


#: Imports each file before any other: what a package runs when one of its files is asked for makes
#: circles that no single file shows.
FIRST = """
import importlib, sys
import app.models
for name in sys.argv[1:]:
    for known in [one for one in sys.modules if one.startswith(("app.domain", "app.queries"))]:
        if not known.startswith("app.domain.ground.vocabulary"):
            del sys.modules[known]
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name, error)
"""


@pytest.mark.nightly
def test_each_file_of_the_business_can_be_imported_first():
    names = [module_of(source.path) for source in under("app/domain/", "app/queries/")]
    order = [sys.executable, "-c", FIRST, *names]
    said = subprocess.run(order, cwd=ROOT, capture_output=True, text=True, check=True)
    assert not said.stdout, said.stdout


def module_of(path):
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def within(target, modules):
    """The file that an import names: a module, or the one that holds what is imported."""
    if target in modules:
        return target
    parent = target.rpartition(".")[0]
    return parent if parent in modules else None
