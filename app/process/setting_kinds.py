"""How the text of a setting is read, and what it must be; each raises ValueError in plain words."""

import importlib.util
import ipaddress
import re
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError(f"must lie between {low} and {high}")
        return number

    return read


def switch(text: str) -> bool:
    word = text.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("must be 1 or 0")


def choice(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in words:
            raise ValueError("must be one of " + ", ".join(words))
        return word

    return read


def url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text and urlsplit(text).scheme not in schemes:
            raise ValueError("must be a URL that begins with " + " or ".join(schemes))
        return text

    return read


def url_with(package: str) -> Callable[[str], str]:
    """A web address of somebody whom few sites have, and a package that only those install."""

    def read(text: str) -> str:
        if text and not _is_installed(package):
            raise ValueError(
                "needs packages beside ours: "
                "pip install --require-hashes -r deploy/requirements-watch.txt"
            )
        return url("http", "https")(text)

    return read


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


#: Redis as one server, behind Sentinels, or as a Cluster.
REDIS = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")


def redis(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        url(*schemes)(text)
        parts = urlsplit(text)
        if parts.scheme == "redis+sentinel" and not parts.path.strip("/"):
            raise ValueError("must end with what the Sentinels call it: …/mymaster")
        return text

    return read


def tiles(text: str) -> str:
    if text and not re.fullmatch(r"https?://(\{s\}\.)?[a-z0-9.-]+(:[0-9]+)?/[^\s;,'\"]*", text):
        raise ValueError("must be a URL like https://tiles.example.org/{z}/{x}/{y}.png")
    if text and not all(part in text for part in ("{z}", "{x}", "{y}")):
        raise ValueError("must hold {z}, {x} and {y}")
    return text


def networks(text: str) -> tuple[str, ...]:
    return tuple(
        str(ipaddress.ip_network(part.strip(), strict=False))
        for part in text.split(",")
        if part.strip()
    )


def header(text: str) -> str:
    name = text.strip()
    if not re.fullmatch(r"[A-Za-z0-9-]*", name):
        raise ValueError("must be the name of a header, like X-SSL-Client-Cert")
    if name.lower() in _OTHER_HEADERS:
        raise ValueError("is a header with another meaning")
    return name


_OTHER_HEADERS = frozenset(
    {"authorization", "connection", "host", "upgrade", "x-forwarded-for", "x-forwarded-proto"}
)


def keys(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if any(len(key) < 32 for key in found):
        raise ValueError("must be texts of 32 characters or more, parted by commas")
    return found


def token(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{16,}", text):
        raise ValueError("must be 16 letters and digits or more")
    return text


def rate(text: str) -> str:
    text = text.strip().lower()
    if text and not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", text):
        raise ValueError("must look like 600/minute")
    return text


def path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def setting(default: Any, read: Callable[[str], Any], meaning: str) -> Any:
    """Declare one setting: how its text is read and what it means (with its unit)."""
    extra = {"read": read, "meaning": meaning}
    return field(default=default, metadata=extra)


def seconds(default: int, least: int, most: int, of: str) -> Any:
    return setting(default, integer(least, most), f"{of}, in seconds")


def size(default: int, least: int, most: int, of: str) -> Any:
    return setting(default, integer(least, most), f"{of}, in bytes")


def web(meaning: str) -> Any:
    """Declare a setting that is a URL of the web, or empty."""
    return setting("", url("http", "https"), meaning)


def days(default: int, of: str, most: int = 36_500) -> Any:
    """Declare how many days rows are kept (`retention_rules` and `tidying` say which)."""
    return setting(default, integer(1, most), f"age of {of}, in days")


POSTGRES = ("sqlite", "postgresql", "postgres", "postgresql+psycopg")
