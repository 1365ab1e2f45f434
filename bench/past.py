"""The past of years, put into a database by SQL: sessions of 10 readings for each station."""

import json
from typing import Any

from sqlalchemy import text

from app.extensions import db as flask_db
from bench.installation import Installation

SESSIONS, READINGS = 1_000, 10

#: Numbers from 1 on, and how a time so many seconds ago is written.
_SERIES = {
    "sqlite": "(WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {}) "
    "SELECT n FROM n)",
    "postgresql": "(SELECT n FROM generate_series(1::bigint, {}) AS n)",
}
_AGO = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', 'now', '-' || ({}) || ' seconds')",
    "postgresql": "now() - make_interval(secs => {})",
}
#: A session of an hour, three hours after the one before; the last one ended yesterday.
_SESSIONS = """
INSERT INTO charging_sessions (id, tenant_id, site_id, station_id, evse, connector, transaction_ref,
  start_key, state, billing, token, token_kind, tag_id, driver_id, unauthorised, timezone, currency,
  tariff_version_id, tariff_why, started_at, start_received_at, ended_at, stop_received_at,
  meter_start_wh, meter_stop_wh, energy_wh, last_register_wh, last_reading_at, stop_reason,
  stop_word, provisional, flags)
SELECT (s.id - 1) * {sessions} + n.n, s.tenant_id, s.site_id, s.id, 1, 1,
  CAST((s.id - 1) * {sessions} + n.n AS VARCHAR(20)), 'past|' || n.n, 'ended', 'billed', t.value,
  'id_tag', t.id, t.driver_id, {no}, 'Europe/Berlin', 'EUR', 1, 'The price of the site.',
  {begun}, {begun}, {ended}, {ended}, n.n * 11040000, (n.n + 1) * 11040000, 11040000,
  (n.n + 1) * 11040000, {ended}, 'local', 'Local', {no}, '[]'
FROM stations AS s JOIN tags AS t ON t.id = s.id CROSS JOIN {series} AS n
"""
_READINGS = """
INSERT INTO meter_readings (station_id, session_id, evse, taken_at, received_at, register_wh,
  power_w, current_a, voltage_v, assumed_time, samples, digest)
SELECT c.station_id, c.id, 1, c.started_at, c.started_at, c.meter_start_wh + n.n * 1104000,
  11040, 16, 230, {no}, :samples, 'past' || c.id || '-' || n.n
FROM charging_sessions AS c CROSS JOIN {series} AS n
"""


def fill(made: Installation, sessions: int = SESSIONS) -> None:
    """Fill an installation that has stations and nothing else, each with so many sessions."""
    name = "postgresql" if made.database is not None else "sqlite"
    ago = _AGO[name].format
    of_session = f"86400 + ({sessions} - n.n) * 10800"
    shared = {
        "sessions": sessions,
        "no": "0" if name == "sqlite" else "false",
        "begun": ago(f"{of_session} + 3600"),
        "ended": ago(of_session),
    }
    measured = ["Energy.Active.Import.Register", "1234.5", "Wh", None, "Outlet", None, False]
    with made.app.app_context():
        db = flask_db.session()
        db.connection(execution_options={"write": True})
        series = _SERIES[name].format
        db.execute(text(_SESSIONS.format(series=series(sessions), **shared)))
        db.execute(
            text(_READINGS.format(series=series(READINGS), **shared)),
            {"samples": json.dumps([measured] * 4)},
        )
        if name == "postgresql":
            for table in ("charging_sessions", "transaction_events"):
                db.execute(
                    text(
                        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"
                        f" (SELECT coalesce(max(id), 1) FROM {table}))"
                    )
                )
        db.commit()
        if name == "postgresql":
            _settle(db)
        flask_db.session.remove()


def _settle(db: Any) -> None:
    """Do what years would have done: else the load would pay for it while it is measured."""
    whole = db.connection().engine.execution_options(isolation_level="AUTOCOMMIT")
    with whole.connect() as connection:
        connection.execute(text("VACUUM (FREEZE, ANALYZE)"))
        connection.execute(text("CHECKPOINT"))
