"""The commands of `newar log`."""
