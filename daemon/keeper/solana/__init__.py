"""The keeper on Solana: quotes, execution, cures and effects behind daemon.keeper.ports."""
