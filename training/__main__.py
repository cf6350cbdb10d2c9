"""Command line: `python -m training list | train | export | evaluate | trials | cas`."""

import sys

from training.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
