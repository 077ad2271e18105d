"""What every page stands on: how it is made, written, addressed and dressed."""
