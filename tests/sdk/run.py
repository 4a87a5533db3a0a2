"""The makers' own SDKs, run in Node on cases of ours.

Their packages are large and are installed only on demand: `npm ci` in this folder.
"""

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from solders.instruction import Instruction

from chains.solana.accounts import RawAccount

HERE = Path(__file__).parent
TIMEOUT_S = 110
SIGNER, WRITABLE = 2, 1
NODE = shutil.which("node")

needs_sdk = pytest.mark.skipif(
    NODE is None or not (HERE / "node_modules" / ".package-lock.json").exists(),
    reason="the makers' SDKs are not installed: npm ci --prefix tests/sdk",
)


def run_sdk(script: str, question: Mapping[str, Any]) -> list[Any]:
    """Give the script's answer to a question, both JSON."""
    assert NODE is not None
    done = subprocess.run(  # noqa: S603 -- our own script, by absolute path
        [NODE, str(HERE / script)],
        input=json.dumps(question).encode(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    answer: list[Any] = json.loads(done.stdout)
    return answer


def show_account(account: RawAccount) -> dict[str, str]:
    """Give an account as the scripts read it."""
    return {"key": str(account.key), "data": base64.b64encode(account.data).decode()}


def show_instruction(one: Instruction) -> dict[str, Any]:
    """Give an instruction as the scripts write it; a role is signer and writable as bits."""
    return {
        "program": str(one.program_id),
        "data": base64.b64encode(one.data).decode(),
        "accounts": [
            [str(meta.pubkey), SIGNER * meta.is_signer + WRITABLE * meta.is_writable]
            for meta in one.accounts
        ],
    }
