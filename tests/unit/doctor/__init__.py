"""What the doctor judges."""
