"""The form of every import: a file, or its text."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import FileField, TextAreaField


class ImportForm(FlaskForm):  # type: ignore[misc]
    """A CSV file, or its text."""

    file = FileField(
        _("CSV file"),
        render_kw={"accept": ".csv,.tsv,.txt,text/csv,text/plain,text/tab-separated-values"},
    )
    text = TextAreaField(_("Or paste the rows"), render_kw={"rows": 8, "spellcheck": "false"})
