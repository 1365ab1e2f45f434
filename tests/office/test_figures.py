"""The desk tells Prometheus what waits; only who shows the token is told."""

from prometheus_client.parser import text_string_to_metric_families

from app.extensions import db as flask_db
from tests.support.apps import running

TOKEN = "a-token-of-Prometheus"


def ask(app, token):
    return app.test_client().get("/metrics", headers={"Authorization": f"Bearer {token}"})


def test_without_a_token_in_the_settings_there_are_no_figures(app):
    assert ask(app, "").status_code == 404


def test_figures_are_told_to_who_shows_the_token(migrated, tmp_path):
    (tmp_path / "ampdesk.sqlite3").write_bytes(migrated.read_bytes())
    with running(tmp_path, metrics_token=TOKEN) as app:
        assert ask(app, "another").status_code == 401
        answer = ask(app, TOKEN)
        names = {family.name for family in text_string_to_metric_families(answer.text)}
        flask_db.session.remove()
    assert answer.status_code == 200
    assert {"ampdesk_orders", "ampdesk_bills_held", "ampdesk_part_state", "ampdesk_mails"} <= names
