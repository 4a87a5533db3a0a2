"""Keep the logs of vaults, so that a restart need not search a chain from its beginning."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "vault_log",
        sa.Column("vault", sa.String, primary_key=True),
        sa.Column("height", sa.Integer, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("topics", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("block_hash", sa.LargeBinary, nullable=False),
        sa.Column("tx_hash", sa.LargeBinary, nullable=False),
    )
