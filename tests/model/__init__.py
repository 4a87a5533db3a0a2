"""A small model of the vault protocol: explored, run at random, and held against real chains."""
