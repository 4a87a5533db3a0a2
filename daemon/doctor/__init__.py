"""Compares the configuration with reality, one clear line per check."""
