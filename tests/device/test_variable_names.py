"""How variables are named in one line, and how values of settings are compared."""

import pytest

from app.domain.device.variable_names import (
    VariableName,
    items,
    number,
    parse,
    parse_component,
    plain,
    same,
    truth,
)
from app.domain.ground.errors import Invalid


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("HeartbeatInterval", VariableName("HeartbeatInterval")),
        ("ClockCtrlr/TimeZone", VariableName("TimeZone", "ClockCtrlr")),
        ("EVSE@1/Power", VariableName("Power", "EVSE", evse=1)),
        ("Connector@1.2/Type", VariableName("Type", "Connector", evse=1, connector=2)),
        ("A.one/B.two:max_set", VariableName("B", "A", "one", instance="two", attribute="max_set")),
        ("Odd%2Ename/B%3Atarget", VariableName("B:target", "Odd.name")),
    ],
)
def test_a_line_names_one_variable_and_is_written_the_same_way(text, name):
    assert parse(text) == name
    assert name.text == text
    assert parse(name.text.upper()).key == name.key, "names are compared without case"


@pytest.mark.parametrize("text", ["A/", "/B", "A@x/B", f"A/{'b' * 51}", "A@/B"])
def test_a_line_that_names_nothing_is_refused(text):
    with pytest.raises(Invalid):
        parse(text)


def test_a_component_alone_means_all_of_its_variables():
    assert parse_component("EVSE@2") == VariableName("", "EVSE", evse=2)
    assert parse_component("EVSE@2/") == VariableName("", "EVSE", evse=2)
    assert parse_component("EVSE@2/Power").variable == "Power"


def test_a_key_of_1_6_may_hold_any_character():
    assert plain("vendor/odd@key.x").text == "vendor/odd@key.x"


def test_a_very_long_name_still_fits_its_column():
    name = VariableName("%" * 50, "/" * 50, "@" * 50, instance="." * 50)
    assert len(name.key) <= 400
    assert parse(name.text) == name


@pytest.mark.parametrize("key", ["AuthorizationKey", "SecurityCtrlr/BasicAuthPassword", "VpnKey"])
def test_secrets_are_known_by_their_names(key):
    assert parse(key).secret


def test_config_list_parsing():
    """Lists come with blanks, brackets and semicolons; values as words, digits, cut (FIELD R10)."""
    assert items(" Current , Power") == ("Current", "Power")
    assert items('["Current","Power"]') == ("Current", "Power")
    assert items("Core;SmartCharging,") == ("Core", "SmartCharging")
    assert items(None) == items("") == ()
    assert [truth(word) for word in ("TRUE", "0", " yes ", '"false"', "maybe")] == [
        *(True, False, True, False),
        None,
    ]
    assert [number(text) for text in ("50", " 50 ", "50.0", "-1", "", "x", None)] == [
        *(50, 50, 50, None),
        *(None, None, None),
    ]


@pytest.mark.parametrize(
    ("wanted", "told", "is_same"),
    [
        ("60", "60", True),
        ("60", " 60.0", True),
        ("true", "True", True),
        ("true", "1", True),
        ("Energy,Power", "energy, power", True),
        ("60", "61", False),
        ("", None, False),
        ("Energy,Power", "Power,Energy", False),
        ("Energy.Active.Import.Register,Power.Active.Import", "Energy.Active.Import.Regi", True),
        ("Energy.Active.Import.Register,Power", "Energy.Active.Import.Register", False),
        ("11000", "1100", False),
    ],
)
def test_a_value_is_the_same_however_it_is_spelled(wanted, told, is_same):
    assert same(wanted, told) is is_same
