"""What a form refuses by its schema, and what an operation refused, beside its field."""

from collections.abc import Iterator
from contextlib import contextmanager

from wtforms import Form
from wtforms.validators import Length

from app.domain.ground.errors import DomainError
from app.schemas.base import Schema


def fits(schema: type[Schema], member: str) -> Length:
    """Refuse a text that is longer than the schema's member may be."""
    return Length(max=schema.longest(member))


def show(form: Form, error: DomainError) -> None:
    """Put the error's sentence at its field, or above the form when it is about no single one."""
    field = form._fields.get(error.field or "")
    if field is not None:
        field.errors = [*field.errors, error.sentence]
    else:
        form.form_errors.append(error.sentence)


@contextmanager
def on(form: Form) -> Iterator[None]:
    """Show on a form what is refused within, with what its page answers then, and go on behind."""
    try:
        yield
    except DomainError as error:
        form.answer = error.status
        show(form, error)
