"""What is wrong with Solana's key or endpoint is one clear line on the real command line."""

import json

import pytest
from solders.keypair import Keypair

from tests.support.process import Done, run_command
from tests.support.solana_story import SolanaStory

pytestmark = pytest.mark.net


async def run(story: SolanaStory, command: str, *more: str) -> Done:
    files = [part for file in story.daemon.files for part in ("--config", str(file))]
    return await run_command(command, *files, *more, folder=story.folder)


async def refuse_key(story: SolanaStory, content: str, mode: int = 0o600) -> str:
    """Give the one line with which the daemon refuses a keypair file."""
    path = story.folder / f"id-{len(content)}.json"
    path.touch(mode=0o600)
    path.write_text(content)
    path.chmod(mode)
    keys = path.with_suffix(".toml")
    keys.write_text(f"[keys]\nsolana_keypair = {json.dumps(str(path))}\n")
    done = await run(story, "run", "--config", str(keys))
    assert (done.code, done.output) == (2, ""), done.errors
    [line] = done.errors.splitlines()
    return line.replace(str(path), "FILE")


async def test_a_keypair_that_cannot_be_used_is_one_line_without_the_key(
    indebted: SolanaStory,
) -> None:
    indebted.configure()
    key = json.dumps(list(bytes(Keypair())))
    assert await refuse_key(indebted, "") == (
        "plimsoll: keys: FILE: is no keypair: 64 numbers, as solana-keygen writes them"
    )
    assert await refuse_key(indebted, json.dumps([1] * 64)) == (
        "plimsoll: keys: FILE: its public half does not follow from its seed"
    )
    assert await refuse_key(indebted, key, 0o644) == (
        "plimsoll: keys: keypair FILE: permissions 0644 are loose; chmod 600 it"
    )


async def test_a_dead_solana_endpoint_is_one_line_of_the_doctor_and_a_gap_of_the_daemon(
    indebted: SolanaStory,
) -> None:
    story = indebted
    dead = "http://127.0.0.1:9"
    story.configure(chains__solana__rpc=[dead], chains__solana__ws=["ws://127.0.0.1:9"])
    examined = await run(story, "doctor")
    assert examined.code == 1
    [rpc, ws] = [line for line in examined.output.splitlines() if line.startswith("fail")]
    assert rpc.startswith("fail chains.solana.rpc[0]: does not answer")
    assert ws.startswith("fail chains.solana.ws[0]: ")

    daemon = await story.daemon.start()
    await story.until(lambda: has_read(story), "the cheap chain is read", "cheap")
    url = f"http://127.0.0.1:{daemon.port}"
    shown = await run_command("health", "alice", "--url", url, folder=story.folder)
    assert shown.code == 0
    [gap] = [line for line in shown.output.splitlines() if "GAP since" in line]
    assert gap.strip().startswith(f"solana {story.solana.chain_id}")
    assert "unified         unknown" in shown.output


async def has_read(story: SolanaStory) -> bool:
    return "cheap" in await story.daemon.heights()
