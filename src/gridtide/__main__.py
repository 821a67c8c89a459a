"""``python -m gridtide`` is the same as the ``gridtide`` command."""

import sys

from gridtide.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
