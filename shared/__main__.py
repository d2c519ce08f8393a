"""`python -m shared` is the `tuntas` command."""

from shared.cli import main

main()
