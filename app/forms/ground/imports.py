"""The form of every import: a file, or its text."""

from flask_babel import lazy_gettext as _
from wtforms import FileField, TextAreaField

from app.forms.ground.form import DeskForm


class ImportForm(DeskForm):
    """A CSV file, or its text."""

    file = FileField(
        _("CSV file"),
        render_kw={"accept": ".csv,.tsv,.txt,text/csv,text/plain,text/tab-separated-values"},
    )
    text = TextAreaField(_("Or paste the rows"), render_kw={"rows": 8, "spellcheck": "false"})
