"""The main job on a local devnet of real chains, start to finish: `make demo`."""
