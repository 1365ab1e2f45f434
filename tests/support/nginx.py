"""A real nginx before a worker, with TLS that asks for stations' certificates."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy import browser
from tests.support.pki import Pair
from tests.support.processes import Process, free_port, wait_for_port

#: The line on which everything depends.
OVERWRITING = "proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;"

CONFIGURATION = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {server.cert_file}; ssl_certificate_key {server.key_file};
        ssl_client_certificate {roots}; ssl_verify_client optional;
        location /ocpp/ {{
            proxy_pass http://127.0.0.1:{worker};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            {line}
        }}
    }}
}}
"""


@contextmanager
def nginx(
    folder: Path, worker: int, server: Pair, roots: Path, *, line: str = OVERWRITING
) -> Iterator[int]:
    """Run nginx before the worker's port; yield its own.  Skips, or fails, without one."""
    folder.mkdir()
    port = free_port()
    text = CONFIGURATION.format(
        folder=folder, port=port, worker=worker, server=server, roots=roots, line=line
    )
    with started(folder, text, port):
        yield port


@contextmanager
def started(folder: Path, text: str, port: int) -> Iterator[None]:
    """Run nginx with a configuration of any kind, which listens on `port`; skips likewise."""
    program = browser.find_nginx()
    if program is None:
        (pytest.fail if browser.required() else pytest.skip)("NO NGINX: install the package nginx")
    (folder / "nginx.conf").write_text(text)
    command = [program, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    process = Process("nginx", command, {}, folder / "nginx.log")
    process.start()
    try:
        wait_for_port(port, process)
        yield
    finally:
        process.stop()
