"""The transparency log: Merkle tree, tiles, checkpoints, proofs (docs/decisions/0015-log.md)."""
