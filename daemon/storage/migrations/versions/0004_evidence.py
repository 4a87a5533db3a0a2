"""Keep the evidence of attestations beside them, and each contract's code once."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "evidence",
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("chain", sa.String, primary_key=True),
        sa.Column("bundle", sa.LargeBinary, nullable=False),
        sa.Column("codes", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "code",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("code", sa.LargeBinary, nullable=False),
    )
