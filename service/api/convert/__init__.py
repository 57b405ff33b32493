"""Records of the ledger to messages of `vedette.v1`, and back; one module a noun."""
