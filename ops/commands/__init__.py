"""The commands of `newar`, a file for each group of them."""
