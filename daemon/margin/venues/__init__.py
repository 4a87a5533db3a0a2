"""Venues' own margin rules: what nets in full inside one venue's account (set N0)."""
