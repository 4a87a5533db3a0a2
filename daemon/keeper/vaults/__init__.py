"""The keeper's part in the vaults: lines, statements, liquidations across chains, claims."""
