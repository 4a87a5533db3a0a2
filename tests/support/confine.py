"""Runs a command under a system-call filter: `python -I -S confine.py FILTER_FILE COMMAND…`.

The file holds the allowed calls, one name a line; all others answer EPERM, as the unit's
SystemCallErrorNumber asks. Standard library and libseccomp only, as it becomes the command.
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

ERRNO_ACTION = 0x00050000
ALLOW_ACTION = 0x7FFF0000
LIBRARY = "libseccomp.so.2"


def main() -> None:
    """Load the filter and become the command."""
    seccomp = ctypes.CDLL(LIBRARY)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ERRNO_ACTION | errno.EPERM))
    for name in Path(sys.argv[1]).read_text().split():
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0 and seccomp.seccomp_rule_add(context, ALLOW_ACTION, number, 0) != 0:
            sys.exit(f"the filter refuses {name}")
    if seccomp.seccomp_load(context) != 0:
        sys.exit("the kernel refuses the filter")
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 -- becoming the command is the purpose


if __name__ == "__main__":
    main()
