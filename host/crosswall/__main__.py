"""``python -m crosswall`` is the command ``crosswall``."""

from crosswall.cli import main

main()
