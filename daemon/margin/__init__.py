"""The margin engine: pure functions from snapshots to reports."""
