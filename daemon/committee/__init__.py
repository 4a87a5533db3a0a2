"""A committee of keepers: each recomputes what another proposes, then signs it or says why not."""
