"""Every setting: its name, its AMPDESK_* variable, its unit and its default.

`Settings.from_environment()` is the one place that reads the environment.  A
value that cannot be used is a `WrongSetting` that names the variable; the
entry points print it and exit with status 2.  An AMPDESK_* variable that
nobody reads is reported, because it is nearly always a slip of the pen.
"""

import difflib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from app.process.setting_kinds import (
    POSTGRES,
    REDIS,
    choice,
    days,
    header,
    integer,
    keys,
    networks,
    path,
    rate,
    redis,
    seconds,
    setting,
    size,
    switch,
    tiles,
    token,
    url,
    url_with,
    web,
)

PREFIX = "AMPDESK_"


class WrongSetting(Exception):
    """A setting whose value cannot be used; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one installation; the variable is AMPDESK_ + the upper-case name."""

    data_dir: Path = setting(  # noqa: RUF009 - the call only makes a dataclass field
        Path("var"), path, "folder for the database, mail and Redis"
    )
    database_url: str = setting("", url(*POSTGRES), "database; empty: SQLite in the data folder")
    redis_url: str = setting("", redis(*REDIS), "Redis; empty: one is started")
    broker_url: str = setting(
        "", redis(*REDIS[:-1], "amqp", "amqps"), "Redis or RabbitMQ for tasks; empty: the Redis"
    )
    task_processes: str = setting(
        "one", choice("one", "each"), "tasks: one process for all queues, or each has its own"
    )
    web_host: str = setting("127.0.0.1", str, "address that the desk listens on")
    web_port: int = setting(8000, integer(1, 65535), "port of the desk")
    ocpp_host: str = setting("0.0.0.0", str, "address that chargers connect to")
    ocpp_port: int = setting(9000, integer(1, 65535), "port that chargers connect to")
    ocpp_processes: int = setting(
        1, integer(1, 64), "workers that share these ports; more than one need PostgreSQL"
    )
    ocpp_tls_port: int = setting(
        0, integer(0, 65535), "second port that chargers connect to, with TLS; 0: none"
    )
    ocpp_tls_cert: str = setting("", str, "file: certificate of that port, then its chain (PEM)")
    ocpp_tls_key: str = setting("", str, "file: private key of that certificate (PEM)")
    ocpp_tls_cert2: str = setting("", str, "file: a second certificate, of the other kind of key")
    ocpp_tls_key2: str = setting("", str, "file: private key of the second certificate")
    ocpp_tls_client_ca: str = setting(
        "", str, "file: roots of the stations' certificates (security profile 3)"
    )
    ocpp_cpo_name: str = setting("", str, "organisation that stations' certificates must name")
    ocpp_client_cert_header: str = setting(
        "", header, "header in which a trusted proxy hands on a station's certificate; empty: none"
    )
    certificate_authority: str = setting(
        "builtin",
        choice("builtin", "manual", "command"),
        "who signs stations' certificates: we, staff by hand, or a program",
    )
    first_certificate: str = setting(
        "ask", choice("ask", "sign"), "a station's first certificate: a person is asked, or not"
    )
    sign_command: str = setting(
        "", str, "program that signs: gets a request on its input, prints the chain (PEM)"
    )
    ocsp_url: str = web("OCSP responder for ISO 15118; empty: none")
    ev_certificate_url: str = web("contract pool for ISO 15118 certificates; empty: none")
    vat_url: str = web("service that looks VAT numbers up, as VIES does; empty: none")
    webhook_http: bool = setting(False, switch, "webhooks may go over plain HTTP, too")
    webhook_networks: tuple[str, ...] = setting(
        (), networks, "networks that webhooks may reach besides the public internet"
    )
    public_url: str = web("how people reach the desk; in mails")
    ocpp_public_url: str = setting("", url("ws", "wss"), "how chargers reach the worker")
    secret_key: str = setting("", str, "signs cookies; empty: made once in the data folder")
    receipt_secrets: tuple[str, ...] = setting(
        (), keys, "secrets of links in receipts, the newest first; empty: of the secret key"
    )
    receipt_page_days: int = setting(90, integer(1, 3650), "life of the link in a receipt, in days")
    oidc_issuer: str = web("provider of sign-ins (OpenID Connect); empty: none")
    oidc_client_id: str = setting("", str, "what the desk is called there")
    oidc_client_secret: str = setting("", str, "its secret there; empty: a public client")
    oidc_name: str = setting("your organisation", str, "what the sign-in page calls the provider")
    oidc_create: str = setting(
        "",
        choice("", "viewer", "operator", "admin"),
        "role of people who come from there and are not on the staff; empty: refused",
    )
    secure_cookies: bool = setting(False, switch, "cookies over HTTPS only")
    trusted_proxies: tuple[str, ...] = setting(
        (), networks, "networks whose X-Forwarded-… headers count"
    )
    admin_email: str = setting("", str, "first admin, made on an empty database")
    admin_password: str = setting("", str, "password of the first admin, 12 characters or more")
    demo: bool = setting(True, switch, "build the demo site on an empty database")
    smtp_url: str = setting("", url("smtp", "smtps"), "mail server; empty: files in <data>/mail")
    mail_from: str = setting("Ampdesk <receipts@ampdesk.invalid>", str, "sender of mails")
    validation: str = setting(
        "tolerant", choice("tolerant", "strict"), "repairs of known deviations"
    )
    ocpp_max_message_bytes: int = size(8 << 20, 1024, 64 << 20, "longest message accepted")
    ocpp_max_inflated_bytes: int = size(
        2 << 20, 1024, 64 << 20, "longest compressed message accepted, once inflated"
    )
    without_database: str = setting(
        "known",
        choice("known", "all", "none"),
        "who may charge while the database is away: known (tags allowed when last looked at), "
        "all (everybody but tags known to be refused) or none",
    )
    heartbeat_s: int = seconds(300, 10, 86_400, "heartbeat interval")
    boot_retry_s: int = seconds(60, 5, 86_400, "retry wait while pending")
    storage_hold_s: int = seconds(
        10, 0, 60, "wait for a database that is away before the spool is used"
    )
    spool_max_bytes: int = size(
        256 << 20, 0, 2**40, "room for messages while the database is away, of each worker"
    )
    call_timeout_s: int = seconds(30, 1, 600, "patience for a charger's answer")
    command_ttl_s: int = seconds(60, 5, 3600, "life of an unsent command")
    message_retention_days: int = days(30, "logged messages", 3650)
    provisional_hold_h: int = setting(24, integer(0, 720), "wait for a late stop, in hours")
    sweep_s: int = seconds(15, 1, 3600, "pause between two sweeps")
    drain_s: int = seconds(10, 0, 600, "time to close all chargers at a stop")
    files_url: str = web("how stations reach the desk for files; empty: the public URL")
    firmware_max_bytes: int = size(512 << 20, 1, 2**40, "largest firmware file")
    upload_max_bytes: int = size(256 << 20, 1, 2**40, "largest log that a station may upload")
    files_quota_bytes: int = size(20 << 30, 1, 2**50, "room for firmware and logs")
    mail_retention_days: int = days(30, "addresses and subjects of mails", 3650)
    tap_retention_days: int = days(1095, "taps and how they were answered")
    question_retention_days: int = days(730, "drivers' closed questions", 3650)
    upload_retention_days: int = days(90, "uploaded logs and customer information", 3650)
    command_retention_days: int = days(730, "orders and what came of them")
    connection_retention_days: int = days(365, "connections of chargers")
    reading_retention_days: int = days(365, "readings outside of sessions")
    event_retention_days: int = days(730, "events, alarms and reports of stations")
    profile_retention_days: int = days(730, "charging profiles that are over")
    map_tiles: str = setting(
        "", tiles, "map tiles, a URL with {z}, {x} and {y}; empty: the map is drawn without"
    )
    map_credit: str = setting("© OpenStreetMap contributors", str, "whose map it is; on the map")
    log_format: str = setting("plain", choice("plain", "json"), "form of the logs")
    log_level: str = setting(
        "info", choice("debug", "info", "warning", "error"), "least level logged"
    )
    metrics_port: int = setting(
        0, integer(0, 65535), "port on which a worker tells Prometheus its figures; 0: none"
    )
    metrics_host: str = setting("127.0.0.1", str, "address of that port")
    metrics_token: str = setting(
        "", token, "who asks for figures shows it (Bearer); empty: the desk tells none"
    )
    traces_url: str = setting(
        "",
        url_with("opentelemetry.sdk"),
        "collector of traces (OTLP over HTTP): its URL; empty: none",
    )
    traces_percent: int = setting(
        100, integer(0, 100), "share of requests, messages and orders that is traced, in percent"
    )
    sentry_dsn: str = setting(
        "", url_with("sentry_sdk"), "where failures go (Sentry); empty: nowhere"
    )
    api_rate: str = setting("600/minute", rate, "requests of one API token; empty: no limit")
    run_redis_port: int = setting(0, integer(0, 65535), "port of the started Redis; 0: a free one")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read AMPDESK_* variables; raises `WrongSetting` naming the first bad one."""
        environ = os.environ if environ is None else environ
        given: dict[str, Any] = {}
        for item in fields(cls):
            name = PREFIX + item.name.upper()
            if name in environ:
                given[item.name] = _read(name, environ[name], item.metadata["read"])
        settings = cls(**given)
        if settings.admin_password and len(settings.admin_password) < 12:
            raise WrongSetting("AMPDESK_ADMIN_PASSWORD must have 12 characters or more.")
        if settings.certificate_authority == "command" and not settings.sign_command:
            raise WrongSetting("AMPDESK_SIGN_COMMAND must name the program that signs.")
        if settings.ocpp_processes > 1 and settings.database_uri.startswith("sqlite"):
            raise WrongSetting(
                f"AMPDESK_OCPP_PROCESSES={settings.ocpp_processes} needs PostgreSQL, because only "
                "one process at a time writes to SQLite: set AMPDESK_DATABASE_URL, or leave this 1."
            )
        if settings.redis_url.startswith("redis+cluster:") and not settings.broker_url:
            raise WrongSetting(
                "AMPDESK_BROKER_URL is needed with a Redis Cluster, where Celery keeps no tasks: "
                "name a single Redis, Sentinels or RabbitMQ."
            )
        settings._check_header()
        return settings

    def _check_header(self) -> None:
        """A header that proves stations must come from somewhere, and lead to some root."""
        if not self.ocpp_client_cert_header:
            return
        name = "AMPDESK_OCPP_CLIENT_CERT_HEADER"
        if not self.trusted_proxies:
            raise WrongSetting(f"{name} needs AMPDESK_TRUSTED_PROXIES: who may set that header.")
        if any(network.endswith("/0") for network in self.trusted_proxies):
            raise WrongSetting(
                f"AMPDESK_TRUSTED_PROXIES is everybody: with {name} all could be any station."
            )
        if not self.ocpp_tls_client_ca and self.certificate_authority != "builtin":
            raise WrongSetting(
                f"{name} needs AMPDESK_OCPP_TLS_CLIENT_CA: the roots that certificates lead to."
            )

    @property
    def database_uri(self) -> str:
        """The SQLAlchemy URL: psycopg 3 for PostgreSQL, a file in the data folder otherwise."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir.absolute() / 'ampdesk.sqlite3'}"
        scheme, rest = self.database_url.split(":", 1)
        return f"postgresql+psycopg:{rest}" if scheme.startswith("postgres") else self.database_url

    @property
    def redis_address(self) -> str:
        """The Redis URL in use; without a setting, the one that `make run` started and noted."""
        note = self.data_dir / "redis" / "url"
        if self.redis_url or not note.exists():
            return self.redis_url or "redis://127.0.0.1:6379/0"
        return note.read_text(encoding="ascii").strip()

    @property
    def broker_address(self) -> str:
        """The URL of what holds the tasks that wait."""
        return self.broker_url or self.redis_address

    @property
    def desk_url(self) -> str:
        """How people reach the desk, without a slash at the end."""
        return (self.public_url or f"http://localhost:{self.web_port}").rstrip("/")

    @property
    def files_base(self) -> str:
        """How stations reach the desk for files: a URL to which a path is added."""
        return (self.files_url or self.desk_url).rstrip("/")

    def link_keys(self) -> list[bytes]:
        """The keys of the links in receipts, the newest first."""
        if self.receipt_secrets:
            return [key.encode() for key in self.receipt_secrets]
        return [hmac.digest(self.signing_key().encode(), b"links in receipts", "sha256")]

    def signing_key(self) -> str:
        """The key that signs cookies: the setting, or one made once in the data folder."""
        if self.secret_key:
            return self.secret_key
        path = self.data_dir / "secret_key"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text(encoding="ascii").strip()
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
        return path.read_text(encoding="ascii").strip()


def _read(name: str, text: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise WrongSetting(f"{name}={text!r} cannot be used: {error}.") from None


def as_root() -> str:
    """A sentence for a process that runs as root, which none of ours needs; else nothing."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return ""
    return (
        "Running as root: a fault in any of its parts would own this computer."
        " Ampdesk needs no rights; start it as a user of its own."
    )


def unknown_settings(environ: Mapping[str, str] | None = None) -> list[str]:
    """Sentences about AMPDESK_* variables that nobody reads, with the nearest real name."""
    environ = os.environ if environ is None else environ
    known = {PREFIX + item.name.upper() for item in fields(Settings)}
    sentences = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        sentences.append(f"{name} is not a setting of Ampdesk{hint}")
    return sentences
