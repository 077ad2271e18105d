"""The commands of `newar run`."""
