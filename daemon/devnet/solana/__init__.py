"""A small Solana node of our own: a real SVM, one chain of slots, standard RPC, and faults."""
