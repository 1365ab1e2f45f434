"""Whether a part on this computer is alive: `python -m deploy.part healthy NAME`.

Keepers ask every few seconds, so this loads next to nothing: where `deploy.processes` is loaded,
too, asking takes fifteen times as much processor.
"""

import urllib.request

from app.config import Settings
from app.process.pulse import beats

#: How long a part may take to answer, in seconds.
PATIENCE_S = 4.0


def healthy(name: str, settings: Settings) -> bool:
    """Tell whether the desk or the worker answers, or a process of tasks gives signs of life.

    Raises KeyError for a part that never does.
    """
    if name == "beat" or name.startswith("celery"):
        return beats(name, settings)
    host, port = {
        "web": (settings.web_host, settings.web_port),
        "worker": (settings.ocpp_host, settings.ocpp_port),
    }[name]
    try:
        address = f"http://{reachable(host)}:{port}/healthz"
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def reachable(host: str) -> str:
    """Return the address at which a listener on `host` is reached from this computer."""
    return "127.0.0.1" if host in ("", "0.0.0.0", "::") else host
