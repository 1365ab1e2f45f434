"""What imports on the desk share: the text of an upload, and what is said afterwards."""

from typing import Any

from flask import flash, request

from app.domain.errors import Invalid


def text_of(form: Any) -> str:
    """The text of the uploaded file (UTF-8, or what Excel writes on Windows), or what was pasted.

    Raises `Invalid` for a file that is no text.
    """
    upload = request.files.get("file")
    data = upload.read() if upload else b""
    if not data:
        return str(form.text.data or "")
    if b"\x00" in data:
        raise Invalid("This is not a CSV file; save the sheet as CSV first.", field="file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def tell(planned: Any) -> None:
    """Say what an import has done; `planned` has `errors` and `count(what)`."""
    added, changed, same = (planned.count(what) for what in ("add", "update", "same"))
    flash(f"{added} added, {changed} changed, {same} as they were.", "success")
    left = len(planned.errors)
    if left:
        flash(f"{left} {'row was' if left == 1 else 'rows were'} left out.", "warning")
