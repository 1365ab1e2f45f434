"""The files for containers, Kubernetes and systemd name what is there, and give enough time."""

import os
import re
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from app.config import PREFIX, Settings, unknown_settings
from deploy import part
from deploy.part import command
from deploy.processes import ROOT, commands

DEPLOY = ROOT / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KUBERNETES = "1.34"
PARTS = {*commands(Settings(task_processes="each")), "migrate"}


def manifests(*kinds):
    every = chain.from_iterable(yaml.safe_load_all(path.read_text()) for path in MANIFESTS)
    return [one for one in every if not kinds or one["kind"] in kinds]


def pods():
    return [
        (one, one["spec"]["template"]["spec"])
        for one in manifests("Deployment", "StatefulSet", "Job")
    ]


def settings_of(text):
    pairs = (line.partition("=") for line in text.splitlines() if line and line[0] != "#")
    return {name: value for name, _, value in pairs}


COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if one["image"] == "ampdesk"}


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_are_what_kubernetes_understands(path):
    for one in yaml.safe_load_all(path.read_text()):
        if one["kind"] != "Kustomization":
            kubernetes_validate.validate(one, KUBERNETES, strict=True)


def test_the_kustomization_names_every_manifest():
    (listed,) = manifests("Kustomization")
    others = {path.name for path in MANIFESTS} - {"kustomization.yaml"}
    assert set(listed["resources"]) == others


def test_every_part_runs_once_in_compose_and_in_kubernetes():
    args = sorted(pod["containers"][0]["args"][0] for _, pod in pods())
    assert args == sorted(PARTS)
    assert sorted(one["command"] for one in OURS.values()) == sorted(PARTS)


def test_every_part_that_goes_on_is_asked_whether_it_is_alive():
    def asked(part):
        return ["python", "-m", "deploy.part", "healthy", part]

    for one, pod in pods():
        (container,) = pod["containers"]
        (name,) = container["args"]
        if name not in ("web", "worker", "migrate"):
            assert container["livenessProbe"]["exec"]["command"] == asked(name), one["metadata"]
    for one in OURS.values():
        if one["command"] != "migrate":
            assert one["healthcheck"]["test"] == ["CMD", *asked(one["command"])]


def test_units_of_systemd_start_every_part():
    started = {re.search(r"deploy\.part (\S+)$", path.read_text(), re.M).group(1) for path in UNITS}
    queues = {name.removeprefix("celery-") for name in PARTS if name.startswith("celery-")}
    target = (DEPLOY / "systemd" / "ampdesk.target").read_text()
    wanted = set(re.findall(r"ampdesk-tasks@(\w+)\.service", target))
    assert wanted == queues
    assert started - {"celery-%i"} == {name for name in PARTS if not name.startswith("celery-")}


def test_nothing_runs_as_root_or_writes_to_its_root():
    for one, pod in pods():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"], one["metadata"]
        assert container["securityContext"]["readOnlyRootFilesystem"], one["metadata"]
        assert not container["securityContext"]["allowPrivilegeEscalation"], one["metadata"]
    for name, one in OURS.items():
        assert one["user"] != "root" and one["read_only"], name
    assert re.findall(r"^USER (\S+)", (DEPLOY / "Dockerfile").read_text(), re.M) == ["10001:10001"]


def test_a_worker_has_longer_to_end_than_its_drain_takes():
    (settings,) = (one["data"] for one in manifests("ConfigMap"))
    worker = next(pod for one, pod in pods() if one["metadata"]["name"] == "worker")
    assert worker["terminationGracePeriodSeconds"] > int(settings["AMPDESK_DRAIN_S"]) + 30
    inside = OURS["worker"]
    grace_s = int(inside["stop_grace_period"].removesuffix("s"))
    assert grace_s > int(inside["environment"]["AMPDESK_DRAIN_S"]) + 20
    unit = (DEPLOY / "systemd" / "ampdesk-worker@.service").read_text()
    drain_s = settings_of((DEPLOY / "systemd" / "ampdesk.env.example").read_text())
    stop_s = int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.M).group(1))
    assert stop_s > int(drain_s["AMPDESK_DRAIN_S"]) + 30


def test_there_is_one_beat_and_it_is_never_two():
    beat = next(one for one, _ in pods() if one["metadata"]["name"] == "beat")
    assert beat["spec"]["replicas"] == 1
    assert beat["spec"]["strategy"] == {"type": "Recreate"}


def test_every_setting_in_these_files_exists_and_can_be_used():
    given = [
        settings_of((DEPLOY / name).read_text())
        for name in ("compose.env.example", "systemd/ampdesk.env.example")
    ]
    given += [one.get("data") or one.get("stringData") for one in manifests("ConfigMap", "Secret")]
    given += [one["environment"] for one in OURS.values()]
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    given += [dict(re.findall(r"(AMPDESK_\w+)=(\S+)", dockerfile))]
    for some in given:
        ours = {name: value for name, value in some.items() if name.startswith(PREFIX)}
        assert ours and unknown_settings(ours) == []
        Settings.from_environment({n: v for n, v in ours.items() if "$" not in v})


def test_the_image_is_sent_what_it_copies():
    text = (DEPLOY / "Dockerfile").read_text()
    copied = chain.from_iterable(
        line.split()[1:-1]
        for line in text.splitlines()
        if line.startswith("COPY ") and "--" not in line
    )
    sent = {
        line[1:]
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line[:1] == "!"
    }
    assert {name.removeprefix("/") for name in copied} == sent
    assert all((ROOT / name).exists() for name in sent)


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed here")
    for path in [*UNITS, DEPLOY / "systemd" / "ampdesk.target"]:
        here = path.read_text()
        if home := re.search(r"^WorkingDirectory=(\S+)$", here, re.M):
            here = here.replace(f"{home[1]}/.venv/bin/python", sys.executable)
            here = here.replace(home[1], str(ROOT))
        (tmp_path / path.name).write_text(here.replace("EnvironmentFile=/", "EnvironmentFile=-/"))
    found = subprocess.run(
        [analyze, "verify", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stderr.strip()) == (0, "")


@pytest.mark.landing
def test_an_unknown_part_is_refused_with_the_names_of_all(tmp_path):
    found = subprocess.run(
        [sys.executable, "-m", "deploy.part", "wroker"],
        cwd=ROOT,
        env={"AMPDESK_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 2
    assert "worker" in found.stderr and "migrate" in found.stderr


@pytest.mark.parametrize("named", [["healthy", "wroker"], ["healthy"], []])
def test_no_part_and_one_without_health_are_refused_alike(tmp_path, monkeypatch, capsys, named):
    monkeypatch.setenv("AMPDESK_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["deploy.part", *named])
    monkeypatch.delattr(os, "execv")  # or what is not refused would take the place of the tests
    assert part.main() == 2
    told = capsys.readouterr().err
    assert "worker" in told and "migrate" in told


def test_a_part_is_the_command_that_make_run_starts():
    settings = Settings(data_dir=Path("/data"))
    assert command("worker", settings) == commands(settings)["worker"]
