"""`python -m pyb3` is `pyb3`."""

from .cli import main

main()
