"""An external program at the API of a running desk."""

import json
import urllib.error
import urllib.request
from typing import Any


class Program:
    """An external program: HTTP and a token, nothing else."""

    def __init__(self, base: str, secret: str) -> None:
        self.base = f"{base}/api/v1"
        self.secret = secret

    def ask(self, method: str, path: str, sent: Any = None) -> tuple[int, Any, Any]:
        """Return status, JSON and headers of an answer."""
        data = None if sent is None else json.dumps(sent).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        request.add_header("Authorization", f"Bearer {self.secret}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), error.headers

    def station(self, identity: str, site_id: int) -> tuple[int, str]:
        """Register a station; return its id and password."""
        status, told, _ = self.ask("POST", "/stations", {"identity": identity, "site_id": site_id})
        assert status == 201, told
        return told["id"], told["password"]

    def get(self, path: str) -> Any:
        """Return what an address tells."""
        return self._wanted(200, "GET", path)

    def post(self, path: str, sent: Any = None, status: int = 201) -> Any:
        """Send with POST; return what was answered."""
        return self._wanted(status, "POST", path, sent)

    def patch(self, path: str, sent: Any) -> Any:
        """Send with PATCH; return what was answered."""
        return self._wanted(200, "PATCH", path, sent)

    def _wanted(self, wanted: int, method: str, path: str, sent: Any = None) -> Any:
        status, told, _ = self.ask(method, path, sent)
        assert status == wanted, (method, path, status, told)
        return told
