"""The HTTP service: what the board knows, for wallets, keepers and monitors."""
