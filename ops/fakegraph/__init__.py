"""A stand-in for Meta's Graph API with a ledger of what it accepted; it knows nothing of the sender."""
