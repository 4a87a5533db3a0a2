"""A unified rescue fits into one transaction, and how much of the machine it takes."""

import pytest
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chains.model.snapshot import MandateKind
from chains.solana.transactions import MAX_TRANSACTION
from tests.chains.solana.programs.rescue_scene import USDC, RescueScene, open_scene


def measure(scene: RescueScene, rescue: Instruction, *, table: bool = False) -> int:
    """Give the bytes of the whole transaction: budget, refreshes, rescue."""
    instructions = [
        set_compute_unit_limit(400_000),
        set_compute_unit_price(50_000),
        *scene.refreshes(),
        rescue,
    ]
    keys = {meta.pubkey for one in instructions for meta in one.accounts if not meta.is_signer}
    tables = [AddressLookupTableAccount(Pubkey(b"T" * 32), sorted(keys, key=bytes))]
    message = MessageV0.try_compile(
        scene.keeper.pubkey(),
        instructions,
        tables if table else [],
        scene.lab.svm.latest_blockhash(),
    )
    return len(bytes(VersionedTransaction(message, [scene.keeper])))


def test_a_native_rescue_fits_without_a_table() -> None:
    scene = open_scene()
    assert measure(scene, scene.native()) <= 750


@pytest.mark.parametrize(
    ("members", "signers", "table", "most"),
    [
        (1, 1, False, 1_000),
        (5, 4, False, 1_200),
        (7, 5, True, 860),
        (14, 10, True, MAX_TRANSACTION),
    ],
)
def test_a_unified_rescue_fits(members: int, signers: int, most: int, *, table: bool) -> None:
    scene = open_scene()
    scene.use_committee(members, signers)
    assert measure(scene, scene.unified(1_000 * USDC), table=table) <= most


@pytest.mark.parametrize(("members", "signers", "units"), [(1, 1, 90_000), (7, 5, 230_000)])
def test_a_unified_rescue_stays_within_its_compute_units(
    members: int, signers: int, units: int
) -> None:
    scene = open_scene()
    scene.use_committee(members, signers)
    scene.crash(130)
    scene.set_mandate(scene.terms(MandateKind.UNIFIED))
    done = scene.send(scene.unified(1_000 * USDC))
    assert done.compute_units_consumed() <= units
