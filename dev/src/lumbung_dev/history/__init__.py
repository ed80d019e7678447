"""The ledger in files: what moved, and what there was."""
