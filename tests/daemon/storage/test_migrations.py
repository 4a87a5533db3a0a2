"""Files of earlier versions are taken up with what they hold."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine

from daemon.keeper.intent import Intent
from daemon.keeper.journal import Journal
from daemon.keeper.rows import attempt_row, draft_row
from daemon.storage.database import database_path, open_database
from daemon.storage.schema import MIGRATIONS
from tests.daemon.keeper.fakes import KEY, draft
from tests.daemon.keeper.test_journal import attempt
from tests.support import values as v

BEFORE_SOLANA = "0002"


def write(connection: Connection) -> None:
    """Write an intent and its attempt as the version before Solana did."""
    found = draft(1)
    old = draft_row(found)[:-1]
    columns = (
        "chain, purpose, need, subject, instrument, market, account, asset, units, target, data,"
        " value, gas_limit, cost, moved, health_before, decision, deadline"
    )
    places = ", ".join("?" * (len(old) + 5))
    connection.exec_driver_sql(
        f"INSERT INTO intent (sender, nonce, state, created_at, updated_at, {columns})"  # noqa: S608 (constants)
        f" VALUES ({places})",
        (KEY, 7, "sent", v.NOW, v.NOW, *old),
    )
    signed = attempt_row(1, attempt(found, 7))[:-1]
    connection.exec_driver_sql(
        "INSERT INTO attempt (intent_id, tx_hash, raw, gas_limit, max_fee_wei, priority_fee_wei,"
        " cancels, height, signed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        signed,
    )


async def test_an_intent_from_before_solana_is_followed_by_its_bytes(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{database_path(tmp_path, live=True)}")
    with engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE_SOLANA)
        write(connection)
        connection.commit()
    engine.dispose()
    async with open_database(tmp_path, live=True) as database:
        [found] = await Journal(database).read_unsettled(v.CHEAP, KEY, chain_nonce=0)
    assert isinstance(found, Intent)
    assert found.draft == draft(1)
    assert found.attempts == (attempt(draft(1), 7),)
