"""Positions held off the chains: books that a venue or an operator publishes, read only."""
