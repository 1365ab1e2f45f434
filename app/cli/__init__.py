"""The flask command: one group per noun, the same operations as the views."""

import importlib
import pkgutil
from collections.abc import Iterator

import click
from click.exceptions import NoSuchCommand
from flask.cli import AppGroup


class Commands(AppGroup):
    """All groups; a module is imported when one of its commands is asked for.

    A command stands in the module of its name (`alert-rule` in `alert_rule`); only one that
    does not is looked for in all of them.
    """

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command; raises `NoSuchCommand`, which says what may have been meant."""
        wanted = cmd_name.replace("-", "_")
        found = super().get_command(ctx, cmd_name)
        for own in (True, False):
            for name in _modules() if found is None else ():
                if own == (name.rpartition(".")[2] == wanted):
                    self._take(name)
                    found = super().get_command(ctx, cmd_name)
        if found is None:
            others = ctx.command.commands if isinstance(ctx.command, click.Group) else {}
            raise NoSuchCommand(cmd_name, possibilities={**others, **self.commands}, ctx=ctx)
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        for name in _modules():
            self._take(name)
        return super().list_commands(ctx)

    def _take(self, name: str) -> None:
        module = importlib.import_module(name)
        for group in getattr(module, "groups", None) or [module.group]:
            self.add_command(group)


def _modules() -> Iterator[str]:
    for item in pkgutil.walk_packages(__path__, f"{__name__}."):
        if not item.ispkg and not item.name.rpartition(".")[2].startswith("_"):
            yield item.name
