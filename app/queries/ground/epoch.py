"""Time in SQL as both databases count it: whole seconds since 1970."""

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class epoch(FunctionElement[int]):
    """The whole seconds of an instant."""

    type = BigInteger()
    inherit_cache = True


@compiles(epoch, "sqlite")
def _sqlite(element: Any, compiler: Any, **given: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **given)}) AS INTEGER)"


@compiles(epoch)
def _standard(element: Any, compiler: Any, **given: Any) -> str:
    inner = compiler.process(element.clauses, **given)
    return f"CAST(floor(extract(epoch FROM {inner})) AS BIGINT)"
