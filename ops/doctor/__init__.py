"""What `newar doctor` checks: one module for each part. Nothing is changed anywhere."""
