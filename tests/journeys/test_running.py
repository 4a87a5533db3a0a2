"""How the process runs: dry by default, reloaded by SIGHUP, drained by SIGTERM, alone."""

import signal
from decimal import Decimal

import pytest

from tests.support.daemon import command_line
from tests.support.process import run_command
from tests.support.story import Story

pytestmark = pytest.mark.net

SHOCK = -37
"""Under it Alice needs a rescue and the stranger could be liquidated."""


async def test_a_dry_run_decides_and_sends_nothing(story: Story) -> None:
    daemon = await story.begin(mode="dry-run")
    await story.shock("WETH", SHOCK)

    async def decided() -> bool:
        return {e.purpose for e in daemon.journal(live=False)} == {"unified", "liquidation"}

    await story.until(decided, "a rescue and a liquidation are planned")
    await story.step(blocks=5)
    for entry in daemon.journal(live=False):
        assert (entry.state, entry.nonce, entry.hashes) == ("planned", None, ())
    for name, proxy in story.proxies.items():
        assert proxy.counts["eth_sendRawTransaction"] == 0
        assert story.keeper_nonce(name) == 0
        assert story.in_pool(name) == []
    assert daemon.journal(live=True) == []


async def test_a_bad_configuration_is_refused_and_the_old_one_stays(story: Story) -> None:
    daemon = await story.begin()
    story.config_file.write_text("mode = 'sometimes'\n")
    daemon.signal(signal.SIGHUP)
    refused = await daemon.wait_log("config.refused")
    assert any("mode" in problem for problem in refused["problems"])
    await story.shock("WETH", -30)
    await story.until_settled()
    assert [chain for chain, _ in story.all_rescues()] == ["cheap"]
    assert len(daemon.logs("service.ready")) == 1


async def test_a_reload_whose_key_cannot_be_used_changes_nothing(story: Story) -> None:
    daemon = await story.begin()
    story.configure(keys__password_file="/nowhere/password")
    daemon.signal(signal.SIGHUP)
    refused = await daemon.wait_log("config.refused")
    assert any("/nowhere/password" in problem for problem in refused["problems"])
    await story.shock("WETH", -30)
    await story.until_settled()
    assert [chain for chain, _ in story.all_rescues()] == ["cheap"]
    assert len(daemon.logs("service.ready")) == 1


async def test_a_good_configuration_takes_over(story: Story) -> None:
    daemon = await story.begin(mode="dry-run")
    await story.shock("WETH", -30)
    await story.step(blocks=3)
    assert story.all_rescues() == []
    story.configure(mode="live", api__port=daemon.port)
    daemon.signal(signal.SIGHUP)
    await daemon.wait_log("config.accepted")
    await daemon.wait_log("service.ready", mode="live")
    await story.until_settled()
    assert [chain for chain, _ in story.all_rescues()] == ["cheap"]


async def test_sigterm_waits_for_what_is_in_flight_and_ends_with_success(story: Story) -> None:
    daemon = await story.begin()
    await story.shock("WETH", -30)
    await story.until(lambda: sent(story), "the rescue is sent")
    daemon.signal(signal.SIGTERM)
    while not daemon.ended:
        story.mine()
        await story.pause()
    assert await daemon.wait_end() == 0
    [entry] = daemon.journal()
    assert entry.state == "confirmed"
    assert len(story.all_rescues()) == 1
    assert daemon.logs("service.drained", in_flight=0)


async def test_sigterm_gives_up_on_what_does_not_move_and_keeps_it_in_the_journal(
    story: Story,
) -> None:
    daemon = await story.begin()
    await story.shock("WETH", -30)
    await story.until(lambda: sent(story), "the rescue is sent")
    assert await daemon.terminate() == 0
    [entry] = daemon.journal()
    assert entry.state == "sent"
    await daemon.start()
    await story.until_settled()
    assert [chain for chain, _ in story.all_rescues()] == ["cheap"]
    # The amount was stated when it was signed; interest grew while it lay in no block.
    assert Decimal("1.5999") <= (await story.unified() or 0) < Decimal("1.61")


async def test_a_second_daemon_on_the_same_state_refuses_in_one_line(story: Story) -> None:
    daemon = await story.begin()
    _, _, _, *arguments = command_line(daemon.files)
    second = await run_command("run", *arguments[1:], folder=story.folder)
    assert second.code == 1
    [line] = second.errors.splitlines()
    assert str(daemon.pid) in line
    assert str(daemon.state_dir) in line
    assert not daemon.ended
    assert await daemon.terminate() == 0


async def sent(story: Story) -> bool:
    return bool(story.in_pool("cheap"))
