"""The doctor's checks of Solana chains."""
