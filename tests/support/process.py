"""Runs one `plimsoll` command as a process and gives what came of it."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.daemon import ROOT, clean_environment, leashed

TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An ended command: exit code, standard output and standard error."""

    code: int
    output: str
    errors: str


async def run_command(*arguments: str, folder: Path) -> Done:
    """Run `plimsoll ARGUMENTS` in a folder and wait for its end; killed after the timeout."""
    process = await asyncio.create_subprocess_exec(
        *leashed([sys.executable, "-m", "daemon", *arguments]),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=clean_environment(PYTHONPATH=str(ROOT)),
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            output, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    if process.returncode is None:
        raise RuntimeError("communicate() came back before the end")
    return Done(code=process.returncode, output=output.decode(), errors=errors.decode())
