"""Plain nouns: what a schema asks for is found on every floor without being named there."""

import pytest
from flask import render_template_string

from app.cli.access import driver, tag
from app.cli.network import site
from app.forms.access import DriverForm, GroupForm
from app.forms.network import SiteForm
from app.resource import DRIVERS, SITES, TAG_GROUPS
from app.schemas.base import Asked, Text, left_out
from app.schemas.network import NewSite
from tests.house.source import ROOT

NOUNS = [
    (SITES, site.group, SiteForm, "network/sites/form.html"),
    (DRIVERS, driver.group, DriverForm, "access/drivers/form.html"),
    (TAG_GROUPS, tag.tag_group_command, GroupForm, "access/tags/group_form.html"),
]


@pytest.mark.parametrize(("of", "group", "form", "template"), NOUNS)
def test_what_a_schema_asks_for_is_a_column_an_option_and_a_field(of, group, form, template):
    asked = set(of.schema.asked())
    options = {option.name for option in group.commands["edit"].params} | {"name"}
    assert asked <= set(of.model.__table__.columns.keys())
    assert asked <= {name for name, _ in of.columns}
    assert asked <= options
    told = {option.name: getattr(option, "help", "") for option in group.commands["edit"].params}
    assert all(told[name] for name in asked - {"name"}), "what an option is for"
    assert all(hasattr(form, name) for name in asked)
    assert "forms.rest(form)" in (ROOT / "templates" / template).read_text()


class GatedSite(NewSite):
    """A site with one member more, as a newcomer adds it."""

    gate: Text | None = left_out("", Asked("Gate"), max_length=9)


class GatedForm(SiteForm):
    schema = GatedSite


def test_a_member_that_the_page_does_not_place_has_its_field_at_the_end(app):
    macros = '{% import "macros/forms.html" as forms with context %}'
    with app.test_request_context():
        page = render_template_string(
            macros + "{{ forms.field(form.name) }}<hr>{{ forms.rest(form) }}", form=GatedForm()
        )
    placed, rest = page.split("<hr>")
    assert 'name="name"' in placed and 'name="name"' not in rest
    assert 'name="gate"' in rest and "Gate" in rest


@pytest.mark.parametrize("of", [noun[0] for noun in NOUNS])
def test_a_name_that_no_member_has_is_a_slip_and_not_passed_over(of):
    with pytest.raises(TypeError, match="colour"):
        of.schema.kept({"name": "Depot", "colour": "red"}, {})
