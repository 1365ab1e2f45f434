"""Alerts and the dashboard go by what a worker and the desk really tell."""

import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.processes import ROOT, free_port, listens
from tests.support.wait import eventually

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
TESTS = ROOT / "deploy" / "prometheus" / "alerts.test.yml"
BOARD = ROOT / "deploy" / "grafana" / "ampdesk.json"
TOKEN = "a-token-of-Prometheus"


def alerts():
    [group] = yaml.safe_load(RULES.read_text())["groups"]
    return group["rules"]


def expressions():
    yield from (alert["expr"] for alert in alerts())
    for panel in json.loads(BOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def told_at(address: str) -> set[str]:
    """The names of all figures; a family that has none yet is told by its own."""
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    names = {sample.name for family in families for sample in family.samples}
    ends = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}
    return names | {
        f"{family.name}{end}" for family in families for end in ends.get(family.type, [""])
    }


@pytest.mark.landing
@pytest.mark.processes
@pytest.mark.timeout(180)
def test_alerts_and_panels_name_figures_that_are_told(make_site):
    port = free_port()
    given = {"metrics_port": port, "metrics_token": TOKEN}
    site = make_site("sqlite", processes=("web", "worker", "celery", "beat"), **given)
    eventually(lambda: listens(port), what="the port of the figures")
    named = {
        name for text in expressions() for name in re.findall(r"\b(?:ampdesk|process)_\w+", text)
    }
    addresses = (f"http://127.0.0.1:{port}/metrics", f"{site.desk_url}/metrics")

    def all_there():  # some only once a round was done
        missing = named - set().union(*map(told_at, addresses))
        assert not missing, missing
        return named

    eventually(all_there, what="every figure is told")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on the path")
def test_alerts_are_raised_when_they_should_be():
    done = subprocess.run(
        ["promtool", "test", "rules", TESTS.name], cwd=TESTS.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_tests_and_is_explained():
    operations = Path(ROOT / "docs" / "operations.md").read_text()
    tests = {test["name"] for test in yaml.safe_load(TESTS.read_text())["tests"]}
    for alert in alerts():
        name = alert["alert"]
        assert {f"{name} is raised", f"{name} is not raised"} <= tests
        assert f"### {name}\n" in operations
        assert alert["annotations"]["runbook_url"].endswith(f"operations.md#{name.lower()}")
