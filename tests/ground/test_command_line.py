"""Programs as they start: what is loaded for a command, what is said of a wrong one; pages."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from app import create_app
from deploy import gunicorn_conf
from tests.support.apps import FOR_TESTS, settings_of

ROOT = Path(__file__).resolve().parent.parent.parent

#: Loaded by pages and tasks; a command that needs none of them starts without.
HEAVY = ("app.views.money.bills", "app.api.money.bills", "app.cli.money.bill", "stdnum", "segno",
         "fpdf", "worker.__main__")  # fmt: skip


def run(tmp_path, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"AMPDESK_DATA_DIR": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def flask(tmp_path, *arguments):
    return run(tmp_path, "-m", "flask", "--app", "wsgi", *arguments)


@pytest.mark.nightly
def test_the_simulator_is_passed_its_options(tmp_path):
    ran = flask(tmp_path, "simulate", "--help")
    assert ran.returncode == 0, ran.stderr
    assert "--identity" in ran.stdout
    assert "--url" in ran.stdout


@pytest.mark.landing
def test_a_mistyped_command_is_answered_with_the_nearest_ones(tmp_path):
    ran = flask(tmp_path, "tagg", "list")
    assert ran.returncode == 2
    assert "Did you mean" in ran.stderr
    assert "'tag'" in ran.stderr


def test_an_edit_that_says_nothing_is_refused(app):
    nouns = [app.cli.get_command(None, noun) for noun in {*app.cli.list_commands(None)} - {"db"}]
    edits = [noun for noun in nouns if "edit" in getattr(noun, "commands", ())]
    assert len(edits) > 10
    for noun in edits:
        needed = [one for one in noun.commands["edit"].params if one.required]
        ran = app.test_cli_runner().invoke(args=[noun.name, "edit", *["1"] * len(needed)])
        assert (ran.exit_code, "Say what is to be different." in ran.stderr) == (2, True), noun.name


def test_a_mistyped_command_of_a_noun_is_answered_with_the_nearest_one(app):
    ran = app.test_cli_runner().invoke(args=["tag", "lst"])
    assert ran.exit_code == 2
    assert "Did you mean 'list'?" in ran.output


def options(command, ctx, path=()):
    if not isinstance(command, click.Group):
        return [(*path, one) for one in command.params if isinstance(one, click.Option)]
    under = ((name, command.get_command(ctx, name)) for name in command.list_commands(ctx))
    return [found for name, each in under for found in options(each, ctx, (*path, name))]


def test_every_option_of_every_command_says_what_it_is(app):
    found = options(app.cli, click.Context(app.cli))
    assert len(found) > 300
    assert not [(*path, one.opts) for *path, one in found if not one.help]


@pytest.mark.landing
def test_a_command_loads_neither_pages_nor_other_commands(tmp_path):
    program = (
        "import sys; from flask.cli import main\n"
        "sys.argv = ['flask', '--app', 'wsgi', 'tag', '-?']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    ran = run(tmp_path, "-c", program)
    assert "loaded: []" in ran.stdout, ran.stdout + ran.stderr
    assert "No such option" in ran.stderr


@pytest.mark.nightly
def test_addresses_are_listed_with_those_of_pages(tmp_path):
    assert "/api/v1/bills" in flask(tmp_path, "routes").stdout


@pytest.fixture
def new(migrated, tmp_path):
    """An application as every program builds it."""
    (tmp_path / "ampdesk.sqlite3").write_bytes(migrated.read_bytes())
    return create_app(settings=settings_of(tmp_path), **FOR_TESTS)


def pages(app):
    return {rule.endpoint for rule in app.url_map.iter_rules()} & {"sign.sign_in", "api_tags.list"}


def test_there_are_no_pages_until_one_is_asked_for_and_then_for_all_who_ask(new):
    assert pages(new) == set()
    with ThreadPoolExecutor(4) as asking:
        answers = list(asking.map(lambda _: new.test_client().get("/sign-in"), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert pages(new) == {"sign.sign_in", "api_tags.list"}


def test_the_area_of_a_page_is_known_before_it_is_asked_for(new):
    assert new.areas["api_tags.list"] is not None


def test_the_desk_has_its_pages_before_it_serves(new):
    gunicorn_conf.post_worker_init(SimpleNamespace(wsgi=new))
    assert pages(new) == {"sign.sign_in", "api_tags.list"}
