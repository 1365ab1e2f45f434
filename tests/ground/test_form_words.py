"""What a form says of a value that cannot be used: one sentence, and it says what to enter."""

import pytest
from flask_babel import force_locale
from werkzeug.datastructures import MultiDict

from app.forms.ground import form as forms
from app.forms.limits import ProfileForm
from app.forms.network import StationForm
from tests.support import seed

TYPED = MultiDict({"max_power_kw": "abc", "mode": "nobody", "identity": "CP-9"})


@pytest.mark.parametrize(
    ("language", "number", "choice"),
    [
        ("en", "Enter a number from 0.001 to 10000.", "Choose one from the list."),
        (
            "de",
            "Geben Sie eine Zahl von 0.001 bis 10000 ein.",
            "Wählen Sie eines aus der Liste.",
        ),
    ],
)
def test_a_form_says_what_to_enter(app, language, number, choice):
    with app.test_request_context(method="POST", data=TYPED), force_locale(language):
        form = StationForm()
        form.validate()
        assert form.max_power_kw.errors[-1] == number
        assert form.mode.errors[-1] == choice


def test_a_row_within_a_form_says_it_in_the_same_words(app):
    with app.test_request_context(method="POST", data={"steps-0-phases": "x"}):
        form = ProfileForm()
        rows = [field for field in form if field.type == "FieldList"]
        assert rows
        for row in rows:
            inner = row.append_entry().form
            assert inner.meta.get_translations(inner) is form.meta.get_translations(form)


def test_only_one_sentence_is_shown(app, db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    page = seed.signed_in(app, made.people["admin"]).post("/stations/new", data=TYPED).text
    assert "Enter a number from 0.001 to 10000." in page
    assert not [said for said in forms.WORDS if said in page]
