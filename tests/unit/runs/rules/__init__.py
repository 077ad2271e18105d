"""What runs and recipients must be, and what follows."""
