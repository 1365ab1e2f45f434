"""Reports over the API, and a draft of a tariff tried on real sessions."""

from datetime import timedelta

import pytest

from app.queries.office import reports


@pytest.mark.parametrize("kind", list(reports.KINDS))
def test_a_report_is_read_with_its_sums(api, kind):
    for way in reports.KINDS[kind].by:
        told = api.get(f"/reports/{kind}?by={way}")
        assert told["by"] == way
        assert told["words"]
        for name in ("energy", "sessions", "bills", "gross"):
            for whole in told["whole"]:
                own = [each for each in told["lines"] if each["currency"] == whole["currency"]]
                if name in whole["figures"]:
                    parts = sum(each["figures"][name] for each in own)
                    assert parts == pytest.approx(whole["figures"][name])


def test_what_is_no_report_is_refused(api):
    assert api.get("/reports/weather", 404)["detail"] == "There is no such report."
    assert "by site" in api.get("/reports/uptime?by=driver", 422)["detail"]
    assert "Type a day" in api.get("/reports/energy?from_day=soon", 422)["detail"]


def test_a_draft_is_tried_before_it_is_saved(api, made, now):
    prices = [{"kind": "energy", "price": "0.60"}]
    definition = {"schema": 1, "currency": "EUR", "components": prices}
    day = (now - timedelta(days=1)).date()
    told = api.post("/tariffs/bench", {"definition": definition, "month": f"{day:%Y-%m}"}, 200)
    assert told["looked_at"] == told["found"] == told["unbilled"] + len(told["sessions"])
    assert sum(each["sums"]["new_minor"] for each in told["hours"]) == told["all"]["new_minor"]
    assert sum(each["difference_minor"] for each in told["sessions"]) == (
        told["all"]["new_minor"] - told["all"]["old_minor"]
    )
    only = api.post("/tariffs/bench", {"definition": definition, "tariff_id": 1, "most": 1}, 200)
    assert only["looked_at"] <= 1
    assert len(api.get("/tariffs/1/versions")["items"]) == 1


def test_a_report_goes_out_by_schedule(admin_api):
    given = {"name": "Energy", "kind": "energy", "recipients": ["board@example.com"]}
    told = admin_api.post("/report-schedules", given, 422)
    assert told["field"] == "recipients"
    made = admin_api.post("/report-schedules", {**given, "confirm_outside": True})
    one = f"/report-schedules/{made['id']}"
    assert (made["every"], made["by"], made["outside"]) == ("month", "site", made["recipients"])
    assert admin_api.patch(one, {"every": "week"})["every"] == "week"
    assert admin_api.post(f"{one}/run", status=202)["state"] == "waiting"
    [run] = admin_api.every(f"{one}/runs")
    assert run["mails"] == []
    assert admin_api.post(f"{one}/archive", status=200)["archived_at"]
    admin_api.post(f"{one}/run", status=409)
    assert admin_api.post(f"{one}/restore", status=200)["archived_at"] is None
