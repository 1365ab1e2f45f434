"""Files, functions and handlers stay small enough to be read at one sitting."""

import ast

from tests.house.source import FUNCTION, report, sources, under

FILE_LINES = 330  # about 300
TEST_FILE_LINES = 450
FUNCTION_LINES = 45  # about 40
HANDLER_LINES = 25

#: Files that may be longer, each with its reason.  A migration is as long as its tables.
LONG_FILES: dict[str, str] = {
    "app/domain/ground/vocabulary/doubts.py": "a table: one record for each doubt",
}


def test_files_fit_on_a_few_screens():
    found = [
        f"{source.path} has {source.lines} lines"
        for source in sources()
        if source.lines > (TEST_FILE_LINES if source.path.startswith("tests/") else FILE_LINES)
        and source.path not in LONG_FILES
        and not source.path.startswith("migrations/versions/")
    ]
    assert not found, report(found)


def test_functions_fit_on_one_screen():
    found = too_long(under("app/", "worker/", "deploy/", "bench/", "wsgi.py"), FUNCTION_LINES)
    assert not found, report(found)


def test_message_handlers_only_translate():
    found = too_long(under("worker/dialects/"), HANDLER_LINES)
    assert not found, report(found)


def too_long(files, limit):
    return [
        f"{source.path}:{function.lineno} {function.name} has {length} lines"
        for source in files
        for function in source.functions()
        if (length := code_lines(function)) > limit
    ]


def code_lines(function):
    """Count a function's lines without its docstring, its decorators and functions within it."""
    length = function.end_lineno - function.lineno + 1
    docstring = function.body[0]
    if ast.get_docstring(function) is not None:
        length -= docstring.end_lineno - docstring.lineno + 1
    for node in ast.walk(function):
        if node is not function and isinstance(node, FUNCTION):
            length -= node.end_lineno - node.lineno + 1
    return length
