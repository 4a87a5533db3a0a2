"""`make demo`: everything on one devnet, from a healthy account to a verified attestation."""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from daemon.demo.cast import choose_cast, seed
from daemon.demo.figures import Figures
from daemon.demo.play import Play
from daemon.demo.quorum import SIZE, Members, open_liar
from daemon.demo.stage import DemoError, running_devnet
from daemon.demo.wallets import running_solana
from daemon.devnet.errors import DevnetError


def main() -> int:
    """Run the demo; 0 only if every act held."""
    started = time.monotonic()
    try:
        figures = _play()
    except (DemoError, DevnetError) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    figures.seconds["total"] = round(time.monotonic() - started, 2)
    _say(f"\nall of it held, in {figures.seconds['total']:.0f} s")
    if path := os.environ.get("DEMO_JSON"):
        figures.write(Path(path))
    return 0


def _play() -> Figures:
    started = time.monotonic()
    with running_devnet(_say, members=SIZE) as (folder, state), ExitStack() as stack:
        cast = choose_cast(state)
        _say(f"three chains run; Solana's on the node {running_solana(state).node}")
        _say("opening a margin account on three chains, and two strangers' positions …")
        seed(folder, state, cast)
        liar = stack.enter_context(open_liar(state))
        members = Members(folder=folder, state=state, cast=cast, liar=liar, say=_say)
        daemon = members.start_all(stack)
        play = Play(folder=folder, state=state, cast=cast, daemon=daemon, members=members, say=_say)
        play.figures.seconds["setup"] = round(time.monotonic() - started, 2)
        return play.run()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
