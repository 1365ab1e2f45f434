"""Whatever can be changed at the desk can be changed by the API, or it is said why not."""

from app.api.ground._endpoint import ENDPOINTS, ROOT

#: The one who sits at the desk: their own sign-in, looks and habits.
OWN = "is a person’s own, at the desk"
#: Not for staff: drivers, stations, and whoever signs in.
OUTSIDE = "is not for staff"

#: What changes something at the desk -> the operation that does it, or why there is none.
TABLE = {
    "about.try_mail_again": "the installation's own; `flask system try-mail` does the same",
    "about.test_mail": "writes a mail to whoever looks at the page",
    "alert_rules.archive": "alert-rules.archive",
    "alert_rules.create": "alert-rules.create",
    "alert_rules.edit": "alert-rules.edit",
    "alert_rules.restore": "alert-rules.restore",
    "alerts.acknowledge": "alerts.acknowledge",
    "alerts.bulk_change": "alerts.bulk",
    "alerts.close": "alerts.close",
    "alerts.edit": "alerts.change",
    "bills.answer": "questions.answer",
    "bills.approve_many": "reviews.bulk",
    "bills.assign": "reviews.assign",
    "bills.bulk_change": "bills.bulk",
    "bills.close_question": "questions.close",
    "bills.correct": "bills.correct",
    "bills.decide": "reviews.approve",
    "bills.dismiss": "reviews.dismiss",
    "bills.refund": "bills.refund",
    "bills.resend": "bills.resend",
    "broadcasts.cancel": "broadcasts.cancel",
    "broadcasts.create": "broadcasts.create",
    "broadcasts.retry": "broadcasts.retry",
    "certificates.add_root": "certificates.keep",
    "certificates.approve": "certificates.approve",
    "certificates.archive_root": "certificates.archive",
    "certificates.make_authority": "makes a key that must not travel",
    "certificates.refuse": "certificates.refuse",
    "certificates.revoke": "certificates.revoke",
    "certificates.sign": "certificates.sign",
    "commands.bulk_change": "orders.bulk",
    "commands.repeat": "orders.create",
    "device_model.keep": "device.keep",
    "display.show": "orders.create",
    "driver_rights.forget": "drivers.forget",
    "driver_statements.mail": "drivers.statement_mail",
    "drivers.archive": "drivers.archive",
    "drivers.bulk_change": "drivers.bulk",
    "drivers.create": "drivers.create",
    "drivers.edit": "drivers.edit",
    "drivers.restore": "drivers.restore",
    "energy.ask": "orders.create",
    "energy.assign": "orders.create",
    "energy.clear": "orders.create",
    "faults.done": "faults.done",
    "field.fault": "faults.note",
    "field.order": "orders.create",
    "files.erase": "device.erase",
    "firmware.create": "assigned.add_firmware",
    "firmware.archive": "assigned.archive",
    "firmware.restore": "assigned.restore",
    "first_run.hide": OWN,
    "imports.drivers": "jobs.import",
    "imports.tags": "jobs.import",
    "jobs.cancel": "jobs.cancel",
    "machines.create": "machines.add",
    "machines.edit": "machines.change",
    "monitors.dismiss": "device.dismiss",
    "monitors.watch": "orders.create",
    "onboarding.save": "stations.edit",
    "organisation.index": "organisation.edit",
    "profiles.archive": "charging-profiles.archive",
    "profiles.assign": "orders.create",
    "profiles.create": "charging-profiles.create",
    "profiles.edit": "charging-profiles.edit",
    "profiles.restore": "charging-profiles.restore",
    "report_schedules.archive": "report-schedules.archive",
    "report_schedules.create": "report-schedules.create",
    "report_schedules.edit": "report-schedules.edit",
    "report_schedules.restore": "report-schedules.restore",
    "report_schedules.run": "report-schedules.run",
    "reservations.cancel": "orders.create",
    "reservations.make": "orders.create",
    "reservations.reserve": "orders.create",
    "roles.create": "roles.create",
    "roles.edit": "roles.edit",
    "roles.remove": "roles.remove",
    "sessions.bill": "sessions.bill",
    "sessions.bulk_change": "sessions.bulk",
    "sessions.end": "sessions.close",
    "sessions.stop": "orders.create",
    "sites.archive": "sites.archive",
    "sites.create": "sites.create",
    "sites.edit": "sites.edit",
    "sites.restore": "sites.restore",
    "staff.archive": "staff.archive",
    "staff.create": "staff.create",
    "staff.edit": "staff.edit",
    "staff.end_sign_in": "staff.end_sign_ins",
    "staff.end_sign_ins": "staff.end_sign_ins",
    "staff.issue_token": "staff.issue",
    "staff.reset_link": "staff.invite",
    "staff.reset_second_factor": "staff.reset-second-factor",
    "staff.restore": "staff.restore",
    "staff.revoke_token": "staff.revoke",
    "staff.withdraw": "staff.withdraw",
    "station_import.index": "jobs.import",
    "station_import.passwords": "stations.credentials",
    "stations.archive": "stations.archive",
    "stations.bulk_change": "stations.bulk",
    "stations.command": "orders.create",
    "stations.create": "stations.create",
    "stations.edit": "stations.edit",
    "stations.password": "stations.credentials",
    "stations.registration": "stations.edit",
    "stations.restore": "stations.restore",
    "system.seen": "oversight.seen",
    "tag_groups.create": "tag-groups.create",
    "tag_groups.edit": "tag-groups.edit",
    "tag_groups.remove": "tag-groups.remove",
    "tags.bulk_change": "tags.bulk",
    "tags.change": "tags.edit",
    "tags.create": "tags.create",
    "tags.edit": "tags.edit",
    "tariffs.archive": "tariffs.archive",
    "tariffs.create": "tariffs.create",
    "tariffs.default": "tariffs.edit",
    "tariffs.edit": "tariffs.edit",
    "tariffs.restore": "tariffs.restore",
    "tariffs.withdraw": "tariffs.withdraw",
    "webhooks.create": "webhooks.create",
    "webhooks.edit": "webhooks.edit",
    "webhooks.replay": "webhooks.replay",
    "webhooks.rotate": "webhooks.rotate",
    "webhooks.archive": "webhooks.archive",
    "webhooks.disable": "webhooks.disable",
    "webhooks.enable": "webhooks.enable",
    "webhooks.restore": "webhooks.restore",
    "webhooks.test": "webhooks.test",
}
#: Whole files of views of which none is for programs.
FILES = {
    **dict.fromkeys(("account", "lists", "passkeys", "second_factor"), OWN),
    **dict.fromkeys(("sign", "driver_receipts", "station_files"), OUTSIDE),
}


def changing(app):
    """The names of whatever changes something at the desk."""
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.methods & {"POST", "PUT", "PATCH", "DELETE"}
        and not rule.rule.startswith(ROOT)
        and rule.endpoint.partition(".")[0] not in FILES
    }


def test_whatever_the_desk_changes_a_program_can_change(app):
    assert changing(app) == set(TABLE)


def test_whatever_the_table_names_is_an_operation():
    operations = {f"{one.noun}.{one.name}" for one in ENDPOINTS}
    named = {said for said in TABLE.values() if " " not in said}
    assert named <= operations
