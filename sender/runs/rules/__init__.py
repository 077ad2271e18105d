"""What runs and recipients must be, and what follows from what they are. Pure."""
