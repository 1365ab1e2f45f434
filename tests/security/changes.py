"""What to send so that each route that changes something does: a line each, for desk and API.

At the desk it is typed over what the form shows.  `<site_id>` stands for the id of a row of the
town, which is made what `was` says before: parameter -> columns.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.security.furniture import DOCUMENT

EARLIER = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)
PRICES = {
    "currency": "EUR",
    "tax": {"mode": "inclusive", "percent": "19"},
    "components": [{"kind": "energy", "price": "0.49"}],
}
NOTE = {"note": "Seen on site."}
REASON = {"reason": "Seen on site."}


@dataclass(frozen=True)
class Sent:
    """A body, what rows were before, other words of the address, and what is done first."""

    body: dict[str, Any] = field(default_factory=dict)
    was: dict[str, dict[str, Any]] = field(default_factory=dict)
    words: dict[str, Any] = field(default_factory=dict)
    first: str = ""


def gone(parameter: str) -> Sent:
    """Nothing is sent, and the row is in the archive."""
    return Sent(was={parameter: {"archived_at": EARLIER}})


def of(*ids: str, action: str, **more: Any) -> Sent:
    """An action on these rows."""
    return Sent({"ids": list(ids), "action": action, **more})


NOTHING = Sent()
A_HELD = {"session_id": "<held_id>"}
A_RUNNING = {"session_id": "<running_id>"}
CODE = {"code": "abcdefgh"}
FIELD_CODE = {"station_id": {"field_code": "abcdefgh"}}
OPEN_STRAY = {"stray_id": {"outcome": "unmatched"}}
LATE_STRAY = {"stray_id": {"outcome": "unmatched", "ended_at": datetime.now(UTC)}}
RUNNING = {"broadcast_id": {"state": "running"}}
AN_ASKED = {"certificate_id": "<asked_id>"}

DESK: dict[str, Sent] = {
    "about.test_mail": NOTHING,
    "account.choose_theme": Sent({"theme": "dark"}),
    "account.edit_profile": Sent(
        {"name": "Grace", "language": "de", "timezone": "UTC", "theme": "dark", "formats": "iso"}
    ),
    "account.end_others": NOTHING,
    "account.end_sign_in": Sent(words={"sign_in_id": "<other_sign_in_id>"}),
    "account.index": Sent({"current": "<password>", "password": "another horse battery"}),
    "account.revoke_token": NOTHING,
    "alert_rules.archive": NOTHING,
    "alert_rules.create": Sent(
        {"name": "Held", "kind": "bill_held", "minutes": "", "site_ids": ["<site_id>"]}
    ),
    "alert_rules.edit": Sent({"name": "Away", "minutes": "9", "site_ids": ["<site_id>"]}),
    "alert_rules.restore": gone("rule_id"),
    "alerts.acknowledge": NOTHING,
    "alerts.bulk_change": of("<alert_id>", action="snooze-4"),
    "alerts.close": Sent(NOTE),
    "alerts.edit": Sent({"assigned_to": "5", "snooze": "4", "note": "Coming."}),
    "bills.answer": Sent({"text": "Because."}),
    "bills.approve_many": of("<review_id>", action="approve", note="Seen."),
    "bills.assign": Sent({"session_id": "<running_id>", **NOTE}, LATE_STRAY),
    "bills.bulk_change": of("<bill_id>", action="resend"),
    "bills.close_question": NOTHING,
    "bills.correct": Sent({"energy_kwh": "1", **REASON}),
    "bills.decide": Sent({"decision": "approve", "tariff": "<tariff_id>", **NOTE}, words=A_HELD),
    "bills.dismiss": Sent(NOTE, OPEN_STRAY),
    "bills.refund": Sent(REASON),
    "bills.resend": Sent({"email": "ada@example.org"}),
    "broadcasts.cancel": Sent(was=RUNNING),
    "broadcasts.create": Sent({"order": "clear_cache"}),
    "broadcasts.retry": Sent(was={"broadcast_targets": {"state": "rejected"}}),
    "certificates.add_root": Sent({"use": "v2g_root", "name": "Hub", "pem": "<pem>"}),
    "certificates.approve": Sent(words=AN_ASKED),
    "certificates.archive_root": NOTHING,
    "certificates.make_authority": NOTHING,
    "certificates.refuse": Sent(words=AN_ASKED),
    "commands.bulk_change": of("<command_id>", action="repeat"),
    "commands.repeat": NOTHING,
    "device_model.keep": NOTHING,
    "display.show": Sent({"text": "Hello", "when": "", "priority": "normal_cycle"}),
    "driver_rights.forget": Sent(
        {"name": "Garage driver"}, words={"driver_id": "<quiet_driver_id>"}
    ),
    "driver_statements.mail": Sent(words={"month": "<month>", "driver_id": "<billed_driver_id>"}),
    "drivers.archive": NOTHING,
    "drivers.bulk_change": of("<driver_id>", action="archive"),
    "drivers.create": Sent({"name": "Eve", "language": "en", "sites": ["<site_id>"]}),
    "drivers.edit": Sent({"name": "Eve", "sites": ["<site_id>"], "note": "New"}),
    "drivers.restore": gone("driver_id"),
    "energy.ask": Sent(words={"question": "composite"}),
    "energy.assign": Sent({"profile_id": "<profile_id>", "connector": "0"}),
    "energy.clear": NOTHING,
    "faults.done": Sent(NOTE),
    "field.fault": Sent({"text": "Display dark"}, FIELD_CODE, CODE),
    "field.order": Sent({"order": "unlock", "connector": "2"}, FIELD_CODE, CODE),
    "files.erase": NOTHING,
    "firmware.archive": NOTHING,
    "firmware.create": Sent({"file": "<file>", "version": "3.0"}),
    "firmware.restore": gone("firmware_id"),
    "first_run.hide": NOTHING,
    "imports.drivers": Sent({"text": "name,email\nEve,eve@example.org\n", "go": "1"}),
    "imports.tags": Sent({"text": "value,label\n04C0FFEE,blue\n", "go": "1"}),
    "jobs.cancel": Sent(words={"job_id": "<import_id>"}),
    "lists.columns": Sent(
        {"page": "bills.index", "query": "", "columns": ["issued", "session"], "shown": ["issued"]}
    ),
    "lists.delete": NOTHING,
    "lists.first": Sent({"begins": "1"}),
    "lists.save": Sent({"page": "bills.index", "name": "Old", "query": "q=17", "shared": "1"}),
    "machines.create": Sent({"name": "Books", "role": "viewer", "sites": ["<site_id>"]}),
    "machines.edit": Sent(
        {"name": "Books", "sites": ["<site_id>"]}, words={"user_id": "<machine_id>"}
    ),
    "monitors.dismiss": NOTHING,
    "monitors.watch": Sent({"key": "EVSE@1/Power", "kind": "delta", "value": "5", "severity": "5"}),
    "onboarding.save": Sent({"read": "y", "status": "y"}),
    "organisation.index": Sent(
        {"seller_name": "Volt", "least_energy_wh": "200", "second_factor": "admins"}
    ),
    "profiles.archive": NOTHING,
    "profiles.assign": Sent({"station": "<station>"}),
    "profiles.create": Sent({"name": "Day"}),
    "profiles.edit": Sent({"name": "Day", "periods-0-limit": "20"}),
    "profiles.restore": gone("profile_id"),
    "report_schedules.archive": NOTHING,
    "report_schedules.create": Sent({"name": "Week", "recipients": "grace@example.org"}),
    "report_schedules.edit": Sent({"name": "Week", "every": "week", "confirm_outside": "y"}),
    "report_schedules.restore": gone("schedule_id"),
    "report_schedules.run": NOTHING,
    "reservations.cancel": NOTHING,
    "reservations.make": Sent({"station": "<station>", "token": "<tag>", "minutes": "30"}),
    "reservations.reserve": Sent({"token": "<tag>", "minutes": "30"}),
    "roles.create": Sent({"name": "Fleet", "may_network": "read"}),
    "roles.edit": Sent({"name": "Books", "may_network": "write"}),
    "roles.remove": NOTHING,
    "sessions.bill": Sent(REASON, words=A_RUNNING, first="sessions.end"),
    "sessions.bulk_change": Sent(
        {"ids": ["<running_id>"], "action": "bill", "note": "Mended."}, first="sessions.end"
    ),
    "sessions.end": Sent(REASON, words=A_RUNNING),
    "sessions.stop": Sent(words=A_RUNNING),
    "sites.archive": Sent(words={"site_id": "<empty_site_id>"}),
    "sites.create": Sent({"name": "Quay"}),
    "sites.edit": Sent({"name": "Quay", "supply_limit_kw": "44"}),
    "sites.restore": gone("site_id"),
    "staff.archive": NOTHING,
    "staff.create": Sent({"name": "Eve", "email": "eve@example.org", "sites": ["<site_id>"]}),
    "staff.edit": Sent({"name": "Eve", "role": "operator", "sites": ["<site_id>"]}),
    "staff.end_sign_in": NOTHING,
    "staff.end_sign_ins": NOTHING,
    "staff.issue_token": Sent({"name": "Portal", "days": "9", "sites": ["<site_id>"]}),
    "staff.reset_link": NOTHING,
    "staff.reset_second_factor": Sent(was={"user_id": {"totp_since": EARLIER, "totp_secret": "x"}}),
    "staff.restore": gone("user_id"),
    "staff.revoke_token": NOTHING,
    "staff.withdraw": Sent(words={"user_id": "<invited_id>"}),
    "station_import.index": Sent({"text": "identity,site\nNEW-1,City Garage\n", "go": "1"}),
    "station_import.passwords": Sent(words={"at": "<at>"}, first="station_import.index"),
    "stations.archive": Sent(words={"station_id": "<idle_station_id>"}),
    "stations.bulk_change": of("<idle_station_id>", action="archive"),
    "stations.command": Sent({"order": "unlock", "connector": "2"}),
    "stations.create": Sent({"identity": "NEW-1"}),
    "stations.edit": Sent(
        {
            "name": "By the door",
            "connector_count": "3",
            "validation": "strict",
            "registration": "pending",
        }
    ),
    "stations.password": Sent({"password": "a-password-of-some-length"}),
    "stations.registration": Sent({"registration": "pending"}),
    "stations.restore": gone("station_id"),
    "system.seen": Sent(
        {"kind": "knock", "subject": "CP-06|wrong_password", "up_to": "2027-01-01T00:00:00"}
    ),
    "tag_groups.create": Sent({"name": "Crew", "sites": ["<site_id>"]}),
    "tag_groups.edit": Sent({"name": "Crew", "sites": ["<site_id>"], "master_pass": "y"}),
    "tag_groups.remove": Sent(words={"group_id": "<empty_group_id>"}),
    "tags.bulk_change": of("<tag_id>", action="block"),
    "tags.change": Sent(words={"change": "block"}),
    "tags.create": Sent({"value": "04C0FFEE", "sites": ["<site_id>"]}),
    "tags.edit": Sent({"label": "blue", "sites": ["<site_id>"], "concurrent_limit": "2"}),
    "tariffs.archive": Sent(words={"tariff_id": "<spare_tariff_id>"}),
    "tariffs.create": Sent({"name": "Night", "components-0-price": "0.30", "action": "save"}),
    "tariffs.default": Sent({"default": "no"}),
    "tariffs.edit": Sent(
        {"name": "Dearer", "components-0-price": "0.60", "action": "save", "note": "Dear"}
    ),
    "tariffs.restore": gone("tariff_id"),
    "tariffs.withdraw": Sent(words={"tariff_id": "<spare_tariff_id>", "number": 2}),
    "webhooks.archive": NOTHING,
    "webhooks.create": Sent(
        {"name": "Hub", "url": "https://example.com/new", "events": ["bill.held"]}
    ),
    "webhooks.disable": NOTHING,
    "webhooks.edit": Sent({"name": "Hub", "events": ["bill.held"]}),
    "webhooks.enable": Sent(was={"webhook_id": {"disabled_at": EARLIER, "disabled_why": "deaf"}}),
    "webhooks.replay": Sent(was={"delivery_id": {"state": "failed"}}),
    "webhooks.restore": gone("webhook_id"),
    "webhooks.rotate": NOTHING,
    "webhooks.test": NOTHING,
}

_WALKED = "walks a way of several pages; its tests ask for `audited`"
#: What is not sent here: a route, or a file of them -> why.
ELSEWHERE = {
    "certificates.revoke": _WALKED + " (tests/trust/test_certificates_pages.py)",
    "tariffs.bench": "reckons, and writes nothing",
    "about.try_mail_again": "lets mail go on that waits anyway",
    **dict.fromkeys(("passkeys", "second_factor"), _WALKED + " (tests/office)"),
    "certificates.sign": _WALKED + " (tests/trust/test_certificates_pages.py)",
    "orders.unlock": "asks as orders.create does, and waits for the answer",
    "reviews.keep": "is of a review after the bill: tests/money/test_after_the_bill.py",
    "driver_receipts": "a driver asks; the question is a row that nothing changes",
    "sign": "the ways in and out: tests/office/test_sign.py",
    "station_files": "a station brings a file; its job tells of it",
}
#: What leaves no entry at all, and why: a person's own habits, and what is no change of anything.
SILENT = {
    "about.test_mail": "writes a mail to whoever looks at the page",
    "account.choose_theme": "how somebody's own pages look",
    "assigned.setpoint": "changes every few seconds (docs/charging.md)",
    "lists.columns": "how somebody's own lists look",
    "lists.first": "how somebody's own lists look",
}

#: Of the API; what is not here sends nothing, and its rows are as the town has them.
API: dict[str, Sent] = {
    "alert-rules.create": Sent({"name": "Held", "kind": "bill_held", "mail_to": []}),
    "alert-rules.edit": Sent({"minutes": 9, "site_ids": ["<site_id>"]}),
    "alert-rules.restore": gone("rule_id"),
    "alerts.bulk": of("<alert_id>", action="acknowledge"),
    "alerts.change": Sent({"note": "Coming."}),
    "alerts.close": Sent(NOTE),
    "assigned.add_firmware": Sent({"file": "<file>", "version": "3.0"}),
    "assigned.restore": gone("firmware_id"),
    "assigned.setpoint": Sent({"limit": 16, "unit": "A"}),
    "bills.bulk": of("<bill_id>", action="resend"),
    "bills.correct": Sent({"energy_wh": 1000, **REASON}),
    "bills.refund": Sent(REASON),
    "bills.resend": Sent({"email": "ada@example.org"}),
    "broadcasts.cancel": Sent(was=RUNNING),
    "broadcasts.create": Sent({"order": "clear_cache"}),
    "broadcasts.retry": Sent(was={"broadcast_targets": {"state": "rejected"}}),
    "certificates.approve": Sent(words=AN_ASKED),
    "certificates.keep": Sent({"name": "Hub", "use": "v2g_root", "pem": "<pem>"}),
    "certificates.refuse": Sent(words=AN_ASKED),
    "charging-profiles.create": Sent({"name": "Day", "document": DOCUMENT}),
    "charging-profiles.edit": Sent({"name": "Day"}),
    "charging-profiles.restore": gone("profile_id"),
    "drivers.bulk": of("<driver_id>", action="archive"),
    "drivers.create": Sent({"name": "Eve", "site_ids": ["<site_id>"]}),
    "drivers.edit": Sent({"site_ids": ["<site_id>"]}),
    "drivers.forget": Sent({"name": "Garage driver"}, words={"driver_id": "<quiet_driver_id>"}),
    "drivers.restore": gone("driver_id"),
    "drivers.statement_mail": Sent(words={"month": "<month>", "driver_id": "<billed_driver_id>"}),
    "faults.done": Sent(NOTE),
    "faults.note": Sent({"text": "Display dark"}),
    "jobs.cancel": Sent(words={"job_id": "<import_id>"}),
    "jobs.export": Sent({"noun": "sessions", "format": "csv"}),
    "jobs.import": Sent({"noun": "tags", "text": "value\n04C0FFEE\n"}),
    "machines.add": Sent({"name": "Books", "owner_id": "<admin_id>", "role": "viewer"}),
    "machines.change": Sent({"site_ids": ["<site_id>"]}, words={"user_id": "<machine_id>"}),
    "orders.bulk": of("<command_id>", action="repeat"),
    "orders.create": Sent({"order": "unlock", "arguments": {"connector": 2}}),
    "organisation.edit": Sent({"seller_name": "Volt"}),
    "oversight.seen": Sent(
        {"kind": "knock", "subject": "CP-06|wrong_password", "up_to": "2027-01-01T00:00:00Z"}
    ),
    "questions.answer": Sent({"text": "Because."}),
    "report-schedules.create": Sent(
        {"name": "Week", "kind": "energy", "every": "week", "recipients": ["grace@example.org"]}
    ),
    "report-schedules.edit": Sent({"every": "week", "recipients": ["grace@example.org"]}),
    "report-schedules.restore": gone("schedule_id"),
    "reviews.approve": Sent(NOTE, words=A_HELD),
    "reviews.assign": Sent({"session_id": "<running_id>", **NOTE}, LATE_STRAY),
    "reviews.bulk": of("<review_id>", action="approve", note="Seen."),
    "reviews.correct": Sent({"energy_wh": 1000, **NOTE}, words=A_HELD),
    "reviews.dismiss": Sent(NOTE, OPEN_STRAY),
    "reviews.waive": Sent(NOTE, words=A_HELD),
    "roles.create": Sent({"name": "Fleet", "rights": {"network": "read"}}),
    "roles.edit": Sent({"rights": {"network": "write"}}),
    "sessions.bill": Sent({"remark": "Seen."}, words=A_RUNNING, first="sessions.close"),
    "sessions.bulk": Sent(
        {"action": "bill", "ids": ["<running_id>"], "note": "Seen."}, first="sessions.close"
    ),
    "sessions.close": Sent({"remark": "Seen."}, words=A_RUNNING),
    "sites.archive": Sent(words={"site_id": "<empty_site_id>"}),
    "sites.create": Sent({"name": "Quay", "timezone": "UTC", "currency": "EUR"}),
    "sites.edit": Sent({"supply_limit_kw": 44}),
    "sites.restore": gone("site_id"),
    "staff.create": Sent(
        {"name": "Eve", "email": "eve@example.org", "role": "viewer", "site_ids": ["<site_id>"]}
    ),
    "staff.edit": Sent({"role": "operator", "site_ids": ["<site_id>"]}),
    "staff.issue": Sent({"name": "Portal", "user_id": "<user_id>", "site_ids": ["<site_id>"]}),
    "staff.reset-second-factor": Sent(was={"user_id": {"totp_since": EARLIER, "totp_secret": "x"}}),
    "staff.restore": gone("user_id"),
    "staff.withdraw": Sent(words={"user_id": "<invited_id>"}),
    "stations.archive": Sent(words={"station_id": "<idle_station_id>"}),
    "stations.bulk": of("<idle_station_id>", action="archive"),
    "stations.create": Sent({"identity": "NEW-1", "site_id": "<site_id>"}),
    "stations.credentials": Sent({"password": "a-password-of-some-length"}),
    "stations.edit": Sent({"registration": "pending", "connectors": 3}),
    "stations.restore": gone("station_id"),
    "tag-groups.create": Sent({"name": "Crew", "site_ids": ["<site_id>"]}),
    "tag-groups.edit": Sent({"site_ids": ["<site_id>"]}),
    "tag-groups.remove": Sent(words={"group_id": "<empty_group_id>"}),
    "tags.bulk": of("<tag_id>", action="block"),
    "tags.create": Sent({"value": "04C0FFEE", "site_ids": ["<site_id>"]}),
    "tags.edit": Sent({"site_ids": ["<site_id>"], "status": "blocked"}),
    "tags.restore": gone("tag_id"),
    "tariffs.archive": Sent(words={"tariff_id": "<spare_tariff_id>"}),
    "tariffs.copy": Sent({"name": "Again"}),
    "tariffs.create": Sent({"name": "Night", "definition": PRICES}),
    "tariffs.edit": Sent({"definition": PRICES, "note": "Dear"}),
    "tariffs.restore": gone("tariff_id"),
    "tariffs.withdraw": Sent(words={"tariff_id": "<spare_tariff_id>", "version": 2}),
    "webhooks.create": Sent(
        {"name": "Hub", "url": "https://example.com/new", "events": ["bill.held"]}
    ),
    "webhooks.edit": Sent({"events": ["bill.held"]}),
    "webhooks.enable": Sent(was={"webhook_id": {"disabled_at": EARLIER, "disabled_why": "deaf"}}),
    "webhooks.replay": Sent(was={"delivery_id": {"state": "failed"}}),
    "webhooks.restore": gone("webhook_id"),
}
