"""Pure value types shared by every package: no I/O, no clock, integers only."""
