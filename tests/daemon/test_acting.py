"""Which chains are hunted on: those with a place to sell, and a key to sign with."""

from dataclasses import replace
from pathlib import Path

from structlog.testing import capture_logs

from chains.evm.signer import LocalSigner
from chains.model.ids import ChainId
from chains.solana.signer import LocalSigner as SolanaSigner
from config.load import load
from daemon.acting import build_dispatcher, build_hunters
from daemon.compose import Key, open_chains
from daemon.keeper.hunt import Hunter
from daemon.keeper.solana.hunt import SolanaHunter
from daemon.margin.book.engine import choose_engine
from daemon.storage.database import open_database
from daemon.storage.store import Store
from proofs.signing.secp256k1 import Secp256k1Signer
from tests.config.samples import GOOD, SOLANA_CHAIN, write

SOL = ChainId("solana", "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
SECRET = b"\x01" * 32
KEY = Key(
    transactions=LocalSigner(SECRET),
    attestations=Secp256k1Signer(SECRET),
    solana=SolanaSigner(SECRET),
)
HUNTS = '[keeper]\nliquidate = true\nmin_profit_usd = "5"\n'


async def hunted(folder: Path, text: str, key: Key = KEY) -> dict[ChainId, object]:
    """Give the hunters of a configuration."""
    settings = load([write(folder, text)], {})
    async with (
        open_database(folder / "state", live=True) as database,
        open_chains(settings) as parts,
    ):
        dispatcher = await build_dispatcher(settings, key, parts, database)
        return dict(await build_hunters(settings, key, dispatcher, parts, Store(database)))


async def test_a_solana_chain_with_pools_and_a_key_is_hunted_on(tmp_path: Path) -> None:
    found = await hunted(tmp_path, GOOD + SOLANA_CHAIN + HUNTS)
    assert found.keys() == {SOL}
    assert isinstance(found[SOL], SolanaHunter)


async def test_without_a_key_pools_or_the_wish_nobody_is_hunted(tmp_path: Path) -> None:
    assert not await hunted(tmp_path, GOOD + SOLANA_CHAIN + HUNTS, replace(KEY, solana=None))
    start = SOLANA_CHAIN.index("[[chains.sol.pools]]")
    end = SOLANA_CHAIN.index("[chains.sol.tokens.SOL]")
    assert not await hunted(tmp_path, GOOD + SOLANA_CHAIN[:start] + SOLANA_CHAIN[end:] + HUNTS)
    assert not await hunted(tmp_path, GOOD + SOLANA_CHAIN)


async def test_what_values_borrowers_and_books_is_compiled_before_anything_is_served(
    tmp_path: Path,
) -> None:
    place = 'priority_fee_gwei = "1"\n'
    market = (
        'contracts = { liquidator = "0x4444444444444444444444444444444444444444" }\n'
        'uniswap_v3 = { quoter = "0x5555555555555555555555555555555555555555",'
        ' router = "0x6666666666666666666666666666666666666666" }\n'
    )
    with capture_logs() as logs:
        found = await hunted(tmp_path, GOOD.replace(place, place + market) + HUNTS)
    assert [type(hunter) for hunter in found.values()] == [Hunter]
    assert [line["engine"] for line in logs if line["event"] == "book.ready"] == [choose_engine()]
    published = (
        '[[books]]\naccount = "alice"\nvenue_account = "venue:deribit:12345"\n'
        f'path = "{tmp_path}/book.json"\npublisher = "0x{"66" * 20}"\nmax_age_s = 60\n'
        'names = { ETH = "WETH" }\n'
    )
    with capture_logs() as logs:
        assert not await hunted(tmp_path, GOOD + published)
    assert [line["engine"] for line in logs if line["event"] == "book.ready"] == [choose_engine()]
    with capture_logs() as logs:
        await hunted(tmp_path, GOOD)
    assert not [line for line in logs if line["event"] == "book.ready"]
