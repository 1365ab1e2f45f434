"""Other forms of a refused order: which come next, when they stop, and what it comes to."""

import pytest

from app.domain.commands import orders
from app.domain.commands.orders.spec import Chain, End, Situation
from app.domain.ground.vocabulary import CommandState, Order, Outcome

YES = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "The charger accepted.")
NO = Outcome(CommandState.REJECTED, {"status": "Rejected"}, "The charger answered Rejected.")
SILENCE = Outcome(CommandState.TIMED_OUT, None, "The charger did not answer.")
TWO = Situation(evses=(1, 2))
AVAILABILITY = orders.SPECS[Order.SET_AVAILABILITY].fallbacks
OUT = {"connector": 0, "available": False}
PROFILE = {
    "profile": {
        "purpose": "default",
        "kind": "absolute",
        "starts_at": "2026-03-02T09:00:00+00:00",
        "unit": "A",
        "stack_level": 3,
        "periods": [{"start_s": 0, "limit": "16"}],
    }
}


def forms(order, arguments, there=TWO, end=End.REFUSED):
    """Every form that is tried when each of them is refused."""
    chain = Chain(orders.SPECS[order].fallbacks, arguments, there)
    found = [chain.current]
    while chain.next(end, NO):
        found.append(chain.current)
    return found


def test_an_order_without_other_forms_is_tried_once():
    assert forms(Order.CLEAR_CACHE, {}) == [{}]


def test_what_went_well_is_not_tried_again():
    assert not Chain(AVAILABILITY, OUT, TWO).next(None, YES)


def test_availability_of_the_whole_station_is_then_asked_connector_by_connector():
    chain = Chain(AVAILABILITY, OUT, TWO)
    assert chain.next(End.REFUSED, NO)
    assert (chain.current["connector"], chain.words) == (1, "connector by connector")
    assert chain.next(None, YES)
    assert chain.current["connector"] == 2
    assert not chain.next(None, YES)
    told = chain.outcome(YES)
    assert told.state is CommandState.ACCEPTED
    assert told.sentence == "The charger accepted connector by connector: connector 1, 2."


def test_one_connector_that_refuses_makes_it_a_no_but_the_others_are_asked_too():
    chain = Chain(AVAILABILITY, OUT, TWO)
    chain.next(End.REFUSED, NO)
    assert chain.next(End.REFUSED, NO)
    assert not chain.next(None, YES)
    told = chain.outcome(YES)
    assert told.state is CommandState.REJECTED
    assert "not for connector 1" in told.sentence


def test_silence_in_the_midst_of_several_ends_them():
    chain = Chain(AVAILABILITY, OUT, TWO)
    chain.next(End.REFUSED, NO)
    assert not chain.next(End.SILENT, SILENCE)
    assert chain.outcome(SILENCE).state is CommandState.TIMED_OUT


def test_one_connector_has_no_other_form():
    assert len(forms(Order.SET_AVAILABILITY, {"connector": 1, "available": True})) == 1


def test_a_station_whose_connectors_are_unknown_is_asked_once():
    assert len(forms(Order.SET_AVAILABILITY, OUT, Situation())) == 1


def test_a_station_that_must_not_get_the_first_form_never_does():
    quirks = {"availability_per_connector": True}
    tried = forms(Order.SET_AVAILABILITY, OUT, Situation((1, 2), quirks=quirks))
    assert [form["connector"] for form in tried] == [1, 2]


@pytest.mark.parametrize("end", [End.REFUSED, End.SILENT])
def test_a_soft_reset_that_is_refused_or_ignored_becomes_a_hard_one(end):
    tried = forms(Order.RESET, {"kind": "soft"}, end=end)
    assert [form["kind"] for form in tried] == ["soft", "hard"]


def test_no_car_is_cut_off_by_a_soft_reset():
    there = Situation((1,), charging=True)
    assert len(forms(Order.RESET, {"kind": "soft"}, there)) == 1


@pytest.mark.parametrize("given", [{"kind": "hard"}, {"kind": "soft", "connector": 1}])
def test_other_resets_stay_as_they_are(given):
    assert len(forms(Order.RESET, given)) == 1


def test_whoever_wants_one_form_only_gets_it():
    assert len(forms(Order.RESET, {"kind": "soft", "exact": True})) == 1


def test_a_status_is_asked_of_each_connector_where_the_station_cannot_be_asked_as_a_whole():
    tried = forms(Order.TRIGGER, {"message": "status"}, end=End.UNFIT)
    assert [form.get("connector") for form in tried] == [None, 1, 2]
    assert len(forms(Order.TRIGGER, {"message": "boot"})) == 1


def test_a_profile_is_tried_in_other_units_levels_and_kinds_each_once():
    tried = [form["profile"] for form in forms(Order.SET_PROFILE, PROFILE)]
    told = [(form["unit"], form["stack_level"], form["kind"]) for form in tried]
    assert told == [
        ("A", 3, "absolute"),
        ("W", 3, "absolute"),
        ("A", 0, "absolute"),
        ("W", 0, "absolute"),
        ("A", 3, "relative"),
        ("W", 3, "relative"),
        ("A", 0, "relative"),
        ("W", 0, "relative"),
    ]


def test_the_form_that_was_accepted_is_told_to_whom_it_concerns():
    chain = Chain(orders.SPECS[Order.SET_PROFILE].fallbacks, PROFILE, TWO)
    chain.next(End.REFUSED, NO)
    assert chain.outcome(YES).facts["form"]["profile"]["unit"] == "W"


def test_silence_is_no_reason_to_try_another_profile():
    assert len(forms(Order.SET_PROFILE, PROFILE, end=End.SILENT)) == 1


@pytest.mark.parametrize("order", Order)
def test_every_step_has_words_and_a_reason(order):
    for step in orders.SPECS[order].fallbacks:
        assert step.words
        assert step.after <= set(End)
