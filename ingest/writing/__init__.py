"""Writing batches into the log: rows, figures, dead letters and offsets in one transaction."""
