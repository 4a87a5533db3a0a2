"""A hedge at a venue: what it is worth to whom, on a real chain and from a signed book.

10 WETH at 2000 dollars against 15 000 USDC on Aave, threshold 85 %, and a short perpetual on
10 ETH at a venue. The hedge makes the whole safer and Aave's own health no better.
"""

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from chains.model.ids import AccountId
from tests.support import books as b
from tests.support.process import run_command
from tests.support.stage import BYSTANDER, DEPLOYMENT
from tests.support.story import Story

pytestmark = pytest.mark.net

ACCOUNT = "hedged"
THRESHOLDS = (8_000, 8_500, 10_500)


def prepare(story: Story, *, margin: str = "0", entry: str = "2000", mark: str = "2000") -> None:
    """Put the position on the chain, the book in its place, and both into the configuration."""
    chain = story.cheap
    aave, tokens = chain.deployment.aave, chain.deployment.tokens
    chain.send(
        aave.configurator,
        "configureReserveAsCollateral(address,uint256,uint256,uint256)",
        *(tokens["WETH"].address, *THRESHOLDS),
    )
    chain.supply("WETH", BYSTANDER, 10 * 10**18)
    chain.borrow("USDC", BYSTANDER, 15_000 * 10**6)
    book = story.folder / "book.json"
    b.publish(
        book,
        b.document(b.part(margin, perps=[b.perp(entry=entry, mark=mark)]), time=int(time.time())),
    )
    story.configure()
    member = AccountId(chain.chain_id, BYSTANDER)
    with story.config_file.open("a") as file:
        file.write(
            f'[[accounts]]\nid = "{ACCOUNT}"\nmembers = ["{member}"]\n'
            f'[[books]]\naccount = "{ACCOUNT}"\nvenue_account = "{b.ACCOUNT}"\n'
            f"path = {json.dumps(str(book))}\nmax_age_s = 600\n"
            f'publisher = "{b.PUBLISHER.address}"\nnames = {{ ETH = "WETH" }}\n'
        )
        venue = b.ACCOUNT.chain
        for source, target in ((chain.chain_id, venue), (venue, chain.chain_id)):
            file.write(
                f'[[routes]]\nfrom = "{source}"\nto = "{target}"\np99_s = 900\n'
                'time_to_liquidation_s = 7200\nunlocked_usd = "100000"\ncap_usd = "100000"\n'
                "kappa_bps = 7000\n"
            )


async def show(story: Story) -> list[list[str]]:
    """Give the words that `plimsoll health` prints, line by line."""
    url = f"http://127.0.0.1:{story.daemon.port}"
    shown = await run_command("health", ACCOUNT, "--url", url, folder=story.folder)
    assert shown.code == 0, shown.errors
    return [line.split() for line in shown.output.splitlines() if line]


async def test_a_hedge_at_a_venue_is_shown_with_what_it_is_worth_to_whom(story: Story) -> None:
    prepare(story)
    await story.daemon.start()
    await story.step()
    lines = await show(story)
    assert ["minimum", "native", "1.1333"] in lines
    assert ["standard", "1.1038", "(equity", "1,599.99", "USD)"] in lines
    assert ["unified", "1.1038", "(equity", "1,599.99", "USD)"] in lines
    factors = {" ".join(line[:2]): line[2] for line in lines if line[0] in ("kappa", "own")}
    assert factors == {
        "kappa 1.00": "1.2484",
        "kappa 0.70": "1.2300",
        "kappa 0.00": "1.0810",
        "own netting": "1.2300",
    }
    [book] = [line for line in lines if line[:2] == [str(b.ACCOUNT), b.PUBLISHER.address]]
    assert book[-2:] == ["400.00", "read"]


async def test_the_attested_figure_bears_the_hedges_margin_and_not_its_gain(story: Story) -> None:
    """The short has gained 5000 by its venue's mark, and 4000 by the chain's price."""
    prepare(story, margin="1000", entry="2400", mark="1900")
    await story.daemon.start()
    await story.step()

    async def proved() -> bool:
        found = await story.daemon.attestation(ACCOUNT)
        return found is not None and evidence_of(found) == ["1", "1", "4"]

    await story.until(proved, "the account is attested, its lending proved")
    body = await story.daemon.health(ACCOUNT)
    standard, unified = body["standard"]["maintenance"], body["unified"]
    gained = Decimal(standard["collateral_usd"]) - Decimal(unified["collateral_usd"])
    assert gained == 1_000 + 4_000
    assert unified["health_factor"].startswith("1.1038")

    document = await story.daemon.attestation(ACCOUNT)
    file = story.folder / "attestation.json"
    file.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))
    files = [part for path in story.daemon.files for part in ("--rpc", str(path))]
    pins = ("--deployment", DEPLOYMENT, "--member", story.stage.attester)
    verified = await run_command("verify", str(file), *pins, *files, folder=story.folder)
    assert verified.code == 0, verified.output + verified.errors


def evidence_of(document: dict[str, Any]) -> list[str]:
    """Give the evidence of the position leaves: collateral, debt, requirement."""
    return [leaf["evidence"] for leaf in document["positions"]]
