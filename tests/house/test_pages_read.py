"""What a page in a browser shows is expected, not asserted: an assert reads before it is there."""

import ast

from tests.house.source import report, under

#: What reads once, of whatever page is there at that moment, which may be the one before.
READS = {
    *("all_inner_texts", "all_text_contents", "count", "get_attribute", "inner_html", "inner_text"),
    *("input_value", "is_checked", "is_disabled", "is_editable", "is_enabled", "is_hidden"),
    *("is_visible", "text_content"),
}
#: What the page that one leaves may fulfil, and `expect` says better.
WAITS = {
    *("wait_for_function", "wait_for_load_state", "wait_for_selector", "wait_for_timeout"),
    "wait_for_url",
}


def files_with_pages():
    return [one for one in under("tests/") if "from playwright" in one.text]


def asserted_reads(source):
    """The lines of asserts that read a page; `count()` of a list is given what to count."""
    asserts = (node for node in source.nodes if isinstance(node, ast.Assert))
    calls = (call for node in asserts for call in ast.walk(node) if isinstance(call, ast.Call))
    for call in calls:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name in READS and not (name == "count" and call.args):
            yield call.lineno, name


def test_a_page_is_expected_to_show_something_and_never_asserted_to():
    found = [
        f"{source.path}:{line} {name}() in an assert: use expect(...)"
        for source in files_with_pages()
        for line, name in asserted_reads(source)
    ]
    assert not found, report(found)


def test_a_test_waits_for_what_only_the_next_page_shows():
    found = [
        f"{source.path}:{line} {name}: use expect(...) of what only the next page shows"
        for source in files_with_pages()
        for line, name in source.calls()
        if name.rpartition(".")[2] in WAITS
    ]
    assert not found, report(found)
