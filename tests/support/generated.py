"""A client of the API that nobody wrote: it is generated from the document, as others would."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "ampdesk_client"
#: What the generator knows as it stands; any other file is bytes to it.
KNOWN = {"application/json", "application/problem+json"}


class Generated:
    """The operations and models of a generated client: `client.ask("sites.create", body=…)`."""

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        self.document = document
        (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
        settings = {
            "post_hooks": [],
            "content_type_overrides": dict.fromkeys(self._files(), "application/octet-stream"),
        }
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        made = subprocess.run(
            [
                *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
                *("--path", folder / "openapi.json", "--config", folder / "settings.json"),
                *("--output-path", folder / PACKAGE, "--fail-on-warning"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        sys.path.insert(0, str(folder))
        self.models = self._module("models")
        self._client: Any = None

    def connect(self, desk_url: str, secret: str) -> None:
        """Say where the desk is, and who asks."""
        client = self._module("client").AuthenticatedClient
        root = self.document["servers"][0]["url"].partition("/api/")[2]
        self._client = client(base_url=f"{desk_url}/api/{root}", token=secret, timeout=60)

    def ask(self, operation: str, status: int = 200, **given: Any) -> Any:
        """Ask by an operation’s name; return what the client made of the answer."""
        tag, _, name = operation.partition(".")
        tag, name = tag.replace("-", "_"), name.replace("-", "_")
        answer = self._module(f"api.{tag}.{tag}_{name}").sync_detailed(client=self._client, **given)
        assert answer.status_code == status, (operation, answer.status_code, answer.content)
        return answer.parsed

    def operations(self) -> set[str]:
        """Everything that the document lets a program ask."""
        return {
            operation["operationId"]
            for item in self.document["paths"].values()
            for operation in item.values()
        }

    def has(self, operation: str) -> bool:
        """Tell whether the client can ask this."""
        tag, _, name = operation.replace("-", "_").partition(".")
        return callable(self._module(f"api.{tag}.{tag}_{name}").sync_detailed)

    def _files(self) -> set[str]:
        return {
            mimetype
            for item in self.document["paths"].values()
            for operation in item.values()
            for answer in operation["responses"].values()
            for mimetype in answer.get("content", {})
        } - KNOWN

    def _module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.{name}")
