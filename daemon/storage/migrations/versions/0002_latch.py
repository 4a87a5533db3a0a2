"""Forget since when a shut latch's prices agree: agreement counts only while it is watched."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the column."""
    op.drop_column("latch", "agreed_since")
