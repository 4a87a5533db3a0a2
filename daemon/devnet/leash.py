"""Runs a command that dies with its parent: `python -I -S leash.py PARENT_PID COMMAND…`.

Linux forgets a child whose parent is killed with SIGKILL; PR_SET_PDEATHSIG (prctl(2)) makes the
kernel kill it too, and survives execve. The parent's thread that starts the command must be its
main thread, because the signal is sent when that thread ends. Standard library only: it starts
in about 20 ms.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Bind this process's life to its parent's and become the command."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the parent ended before the leash was on")
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 # becoming the command is the purpose


if __name__ == "__main__":
    main()
