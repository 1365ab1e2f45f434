"""The map: sites where they lie, with the state that needs a look first; tiles only where set."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from app.config import Settings, WrongSetting
from app.models import Site
from app.queries.network import map as queries
from app.queries.network.map import Place
from app.web import kept
from tests.support import seed

TILES = "https://{s}.tiles.example.org/{z}/{x}/{y}.png"


@pytest.fixture
def now():
    return seed.lately()


@pytest.fixture
def made(app, db, now):
    made = seed.fill(db, now, history=0)
    for site, where in zip(
        db.scalars(select(Site).order_by(Site.id)), [(53.54, 9.99), (48.14, 11.57)], strict=False
    ):
        site.latitude, site.longitude = where
    db.commit()
    made.at = {role: seed.signed_in(app, user) for role, user in made.people.items()}
    return made


def place(name, latitude, longitude):
    return Place(1, name, None, latitude, longitude, {"free": 1})


def test_every_site_stands_in_the_drawing_and_in_the_list(made, db):
    page = made.at["viewer"].get("/map").text
    assert 'class="map-plot"' in page
    assert "leaflet" not in page
    for site in db.scalars(select(Site).where(Site.archived_at.is_(None))):
        assert page.count(site.name) >= 1
        if site.latitude is not None:
            assert f'data-latitude="{site.latitude}"' in page


def test_a_site_without_coordinates_says_where_to_set_them(made, db):
    site = db.scalars(select(Site).order_by(Site.id)).first()
    site.latitude = site.longitude = None
    db.commit()
    assert f'href="/sites/{site.id}/edit#latitude"' in made.at["operator"].get("/map").text
    page = made.at["viewer"].get("/map").text
    assert site.name in page and "Set coordinates" not in page


def test_a_site_shows_what_needs_a_look_first(made, db, now):
    found = {place.name: place for place in queries.places(db, now=now)}
    for site in made.sites.values():
        standing = found[site.name]
        assert standing.total == len(standing.stations)
        words = {station.state for station in standing.stations}
        assert standing.state == next(word for word in (*queries.STATES, "off") if word in words)


def test_tiles_are_fetched_only_where_they_are_set_and_only_by_the_map(app, made):
    usual = app.config["SETTINGS"]
    policy = made.at["viewer"].get("/map").headers["Content-Security-Policy"]
    assert "img-src 'self' data:;" in policy
    app.config["SETTINGS"] = replace(usual, map_tiles=TILES)
    answer = made.at["viewer"].get("/map")
    assert f'data-tiles="{TILES}"' in answer.text and "leaflet.js" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "img-src 'self' data: https://*.tiles.example.org;" in policy
    assert "example.org" not in made.at["viewer"].get("/sites").headers["Content-Security-Policy"]
    app.config["SETTINGS"] = usual


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "https://tiles.example.org/{z}/{x}.png",
        "https://tiles.example.org; script-src *{z}{x}{y}",
        "https://me:secret@tiles.example.org/{z}/{x}/{y}.png",
    ],
)
def test_what_is_no_address_of_tiles_is_refused(text):
    with pytest.raises(WrongSetting, match="AMPDESK_MAP_TILES"):
        Settings.from_environment({"AMPDESK_MAP_TILES": text})


def test_north_is_up_and_east_is_right():
    plot = queries.plot([place("Hamburg", 53.5, 10.0), place("Munich", 48.1, 11.6)])
    hamburg, munich = sorted(plot.points, key=lambda point: point.place.name)
    assert hamburg.y < munich.y and hamburg.x < munich.x
    assert plot.parallels and plot.meridians
    assert all(0 <= point.x <= queries.WIDTH for point in plot.points)
    assert all(0 <= point.y <= queries.HEIGHT for point in plot.points)


def test_names_do_not_lie_upon_one_another_and_the_most_pressing_is_on_top():
    calm, faulted = place("Quay", 53.541, 9.99), place("Quay 2", 53.5411, 9.9901)
    faulted.counts = {"fault": 1, "free": 3}
    far = place("Munich", 48.1, 11.6)
    *_, top = points = queries.plot([faulted, calm, far]).points
    assert top.place is faulted
    assert {point.place.name for point in points if point.labelled} == {"Quay 2", "Munich"}


def test_home_draws_the_sites_with_the_number_of_their_stations(app, made, db):
    page = made.at["viewer"].get("/").text
    assert 'class="map-plot map-small"' in page
    site = db.scalars(select(Site).order_by(Site.id)).first()
    site.latitude = site.longitude = None
    db.commit()
    kept.of(app).forget(made.people["admin"].tenant_id)
    assert "map-small" not in made.at["viewer"].get("/").text  # one place is nothing to tell apart


def test_one_place_is_drawn_in_the_middle():
    (point,) = queries.plot([place("Alone", -33.9, 151.2)]).points
    assert (point.x, point.y) == (queries.WIDTH / 2, queries.HEIGHT / 2)
    assert queries.plot([place("Nowhere", None, None)]) is None
