"""`python -m firedoor` is the command `firedoor`."""

from firedoor.cli import main

main()
