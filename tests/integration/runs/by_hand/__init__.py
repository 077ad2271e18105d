"""Runs that go on after a loss, or begin again for those whom they did not reach."""
