"""Shows what an operation refused beside the field it is about."""

from wtforms import Form

from app.domain.ground.errors import DomainError


def show(form: Form, error: DomainError) -> None:
    """Put the error's sentence at its field, or above the form when it is about no single one."""
    field = form._fields.get(error.field or "")
    if field is not None:
        field.errors = [*field.errors, error.sentence]
    else:
        form.form_errors.append(error.sentence)
