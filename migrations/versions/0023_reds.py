"""Commands are found by the session that they are about."""

from alembic import op

revision = "0023"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_commands_session_id", "commands", ["session_id"])


def downgrade() -> None:
    op.drop_index("ix_commands_session_id", table_name="commands")
