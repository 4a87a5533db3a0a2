"""What commands share."""

import gc

from daemon.commands.common import importing


def test_what_is_imported_is_not_collected_then_or_later_and_all_else_is() -> None:
    before = gc.get_freeze_count()
    with importing():
        assert not gc.isenabled()
        kept = [[number] for number in range(100)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(kept)
