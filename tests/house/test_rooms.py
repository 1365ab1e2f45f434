"""Every floor is divided into the same rooms, and the arrows between them are agreed."""

from collections.abc import Iterator

from tests.house.source import ROOT, report, under

#: The rooms of the domain, and which other rooms each may use; `docs/house.md` draws them.
ARROWS: dict[str, str] = {
    "ground": "",
    "office": "ground network device",
    "network": "ground office trust money device",
    "trust": "ground office network charging",
    "access": "ground office network money commands",
    "charging": "ground office network access money limits device commands",
    "money": "ground office access charging device commands",
    "limits": "ground office network charging commands",
    "device": "ground office network trust charging commands",
    "commands": "ground office network trust access charging money limits device",
}
FLOORS = ("domain", "queries", "views", "api", "cli", "forms")
#: What stands at the root of `app/`, and nothing else.
LOOSE = {"__init__", "config", "extensions", "factory", "reactions", "resource", "uow"}


def room_of(module: str) -> str | None:
    """The room of the domain that a dotted name lies in."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["app", "domain"] and len(parts) > 2 else None


def crossings() -> Iterator[tuple[str, str, str]]:
    """Yield (room, other room, where) for every import from one room of the domain to another."""
    for source in under("app/domain/"):
        mine = room_of(source.path.removesuffix(".py").replace("/", "."))
        for line, module in source.imports():
            other = room_of(module)
            if mine in ARROWS and other in ARROWS and other != mine:
                yield mine, other, f"{source.path}:{line} imports {module}"


def test_all_floors_have_the_same_rooms():
    found = [
        source.path
        for floor in FLOORS
        for source in under(f"app/{floor}/")
        if source.path.split("/")[2].removesuffix(".py") not in {*ARROWS, "__init__"}
    ]
    assert not found, report(found)


def test_the_root_of_the_product_stays_clear():
    loose = {path.stem for path in (ROOT / "app").glob("*.py")}
    assert not loose - LOOSE, report(sorted(loose - LOOSE))


def test_rooms_use_only_the_rooms_that_they_may():
    found = [where for mine, other, where in crossings() if other not in ARROWS[mine].split()]
    assert not found, report(found)


def test_no_arrow_is_drawn_that_nobody_goes():
    gone = {(mine, other) for mine, other, _ in crossings()}
    drawn = {(mine, other) for mine, others in ARROWS.items() for other in others.split()}
    assert not drawn - gone, report([f"{mine} -> {other}" for mine, other in sorted(drawn - gone)])
