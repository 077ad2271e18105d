"""`python -m ops`: the same as `newar`."""

from ops.cli import main

main()
