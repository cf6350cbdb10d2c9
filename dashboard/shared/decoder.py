"""The process that decodes one picture: a file on its input, the image on its output.

    python -m dashboard.shared.decoder SECONDS MEGABYTES CHANNELS HEIGHT WIDTH < picture > image.npz

It computes for so many seconds and takes so much memory at most, and then it is ended: what a
decoder does with a hostile file nobody knows beforehand.
"""

import os
import sys
from types import ModuleType

from dashboard.shared.upload import read_picture
from genlab.contract.files import write_npz
from genlab.runtime.errors import InputError

resource: ModuleType | None
try:
    import resource
except ImportError:  # Windows
    resource = None

REFUSED = 3
"""Exit status where the picture is refused; the reasons are then three lines of the output."""


def limit(seconds: int, megabytes: int) -> None:
    """Bound what this process may use, and let others go first; on Windows only time is bounded."""
    if resource is None:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 2**20,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it has no file to write
    os.nice(5)


def main() -> int:
    """Read, decode, write."""
    seconds, megabytes, *shape = map(int, sys.argv[1:])
    limit(seconds, megabytes)
    try:
        fitted = read_picture(sys.stdin.buffer.read(), tuple(shape))
    except InputError as error:
        lines = (error.name, error.expected, error.found)
        said = "\n".join(" ".join(line.splitlines()) for line in lines)
        sys.stdout.buffer.write(said.encode("utf-8", "replace"))
        return REFUSED
    sys.stdout.buffer.write(write_npz({"levels": fitted.levels, fitted.ground: fitted.levels[:0]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
