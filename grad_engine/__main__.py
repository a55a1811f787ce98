"""`python -m grad_engine`: the command line over a record file."""

import sys

from grad_engine.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
