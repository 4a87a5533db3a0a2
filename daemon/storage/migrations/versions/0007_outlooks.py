"""Keep the volatilities that were put in force, and what they follow from."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "outlook",
        sa.Column("underlying", sa.String, primary_key=True),
        sa.Column("at", sa.Integer, primary_key=True),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("inputs", sa.LargeBinary, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
