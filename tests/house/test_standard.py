"""The business speaks its own words: what the standard calls things stands in one place."""

import ast
import re

from tests.house.source import report, under
from worker.ocpp import schemas
from worker.ocpp.versions import Version

#: Where the domain may name versions, messages and components, each with its reason.
MAY = {
    "app/domain/ground/vocabulary/standard.py": "it is that place",
    "app/domain/commands/orders/": "which order a raw message stands for, and what staff are told",
}
MESSAGES = {action for version in Version for action, _ in schemas._file_names(version)}
STANDARD = re.compile(rf"^({'|'.join(sorted(MESSAGES))})$|^ocpp\d|^(1\.6|2\.0\.1|2\.1)$|Ctrlr\b")


def texts(source):
    """The strings of a file, without its docstrings."""
    said = {
        id(node.body[0].value)
        for node in source.nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.lineno, node.value


def test_the_domain_names_no_version_message_or_component_of_the_standard():
    found = [
        f"{source.path}:{line} {text!r}"
        for source in under("app/domain/")
        if not source.path.startswith(tuple(MAY))
        for line, text in texts(source)
        if STANDARD.search(text)
    ]
    assert not found, report(found)
