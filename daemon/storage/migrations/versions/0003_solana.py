"""Keep what Solana's transactions have instead of nonces: a unit price, and their last height."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what was there before is EVM's."""
    op.add_column("intent", sa.Column("unit_price", sa.Integer, nullable=False, server_default="0"))
    op.add_column("attempt", sa.Column("last_valid_height", sa.Integer, nullable=True))
