"""`python -m animation`, in a checkout: the same as `python -m grad_engine film`."""

import sys

from grad_engine.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["film", *sys.argv[1:]]))
