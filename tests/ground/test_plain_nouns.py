"""Plain nouns: what a schema asks for is found on every floor without being named there."""

import pytest

from app.cli.access import driver, tag
from app.cli.network import site
from app.forms.access import DriverForm, GroupForm
from app.forms.network import SiteForm
from app.resource import DRIVERS, SITES, TAG_GROUPS
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
    assert all(hasattr(form, name) for name in asked)
    page = (ROOT / "templates" / template).read_text()
    assert all(f"forms.field(form.{name}" in page for name in asked)


@pytest.mark.parametrize("of", [noun[0] for noun in NOUNS])
def test_a_name_that_no_member_has_is_a_slip_and_not_passed_over(of):
    with pytest.raises(TypeError, match="colour"):
        of.schema.kept({"name": "Depot", "colour": "red"}, {})
