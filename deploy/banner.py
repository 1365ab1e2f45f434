"""The few lines that tell a newcomer where everything is, once everything answers."""

import socket
import time

from app.config import Settings
from app.text.setup_guide import charger_address
from deploy.healthy import reachable
from deploy.prepare import Prepared
from deploy.processes import ROOT

WAIT_S = 120.0


def show_when_ready(settings: Settings, started: Prepared) -> None:
    """Wait until the desk and the worker listen, then print the banner."""
    deadline = time.monotonic() + WAIT_S
    waiting = [(settings.web_host, settings.web_port), (settings.ocpp_host, settings.ocpp_port)]
    while waiting and time.monotonic() < deadline:
        waiting = [address for address in waiting if not _listens(*address)]
        time.sleep(0.2)
    if waiting:
        print(f"Ampdesk: nothing listens on port {waiting[0][1]} yet; the lines above may say why.")
    else:
        print(text(settings, started), flush=True)


def text(settings: Settings, started: Prepared) -> str:
    """Return the banner."""
    mail = settings.smtp_url.rpartition("@")[2] if settings.smtp_url else settings.data_dir / "mail"
    usual = settings.data_dir == ROOT / "var"
    prefix = "" if usual else f"AMPDESK_DATA_DIR={settings.data_dir} "
    rows = [
        ("Desk", settings.desk_url),
        ("Chargers connect to", f"{charger_address(settings).base}/<identity>"),
        ("Data", str(settings.data_dir)),
        ("Mail", str(mail)),
        ("Commands", f"{prefix}.venv/bin/flask station list"),
        ("Stop", "Ctrl-C"),
    ]
    if started.setup_link:
        rows.insert(1, ("Create the first admin", started.setup_link + "  (works once)"))
    elif started.admin:
        rows.insert(1, ("First admin", started.admin))
    if started.demo:
        rows.insert(3, ("Demo site", "six simulated chargers are at work (AMPDESK_DEMO=0: none)"))
    width = max(len(name) for name, _ in rows) + 2
    rule = "-" * 78
    lines = [f"  {name:<{width}}{value}" for name, value in rows]
    return "\n".join(["", rule, "  Ampdesk is running.", "", *lines, rule, ""])


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((reachable(host), port), timeout=0.5).close()
        return True
    except OSError:
        return False
