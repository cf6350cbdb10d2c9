"""Every bound of the library in one place.

Each number that comes from outside is compared with these before anything is allocated. They are
generous: a page or a server sets tighter ones of its own.
"""

from __future__ import annotations

MAX_CARD_BYTES = 4 * 2**20
"""Size of a `card.json`, bytes."""
MAX_FILE_BYTES = 256 * 2**20
"""Size of any other file of a model, bytes."""
MAX_ASSET_BYTES = 8 * 2**20
"""Size of an asset of a model, such as a vocabulary, bytes."""
MAX_INFLATED_BYTES = 512 * 2**20
"""Sum of the arrays of one npz file, bytes, by their headers, before they are inflated."""

MAX_ROWS = 1_000_000
"""Rows of one call of a verb; samples of one call of `Model.sample`."""
MAX_ELEMENTS = 100_000_000
"""Numbers in the result of one call (rows times the size of an event)."""
MAX_WHOLE_ELEMENTS = 401_408
"""Numbers in a batch that is computed in one piece, since its rows share a state: 512 images."""
MAX_LENGTH = 65_536
"""Size of an axis that a call chooses, such as the number of values known."""
MAX_STEPS = 10_000
"""Steps of a sampler; a schedule may not be longer either."""
MAX_ROW_STEPS = 100_000_000
"""Rows times steps of one call: evaluations of a denoiser."""
MAX_SEED = 2**63 - 1
"""Seeds are integers from 0 to this one."""
MAX_GRID = 2_048
"""Points along one side of a density grid."""

CHUNK_ROWS = 1_000
"""Rows handed to onnxruntime at once; its arena keeps the memory of the largest run."""
CHUNK_ELEMENTS = 6_272
"""Numbers handed at once: 8 images of 28 x 28, so that even a few images keep every core busy and a
run can be ended within a twentieth of a second of a small U-Net."""
GPU_CHUNK_ELEMENTS = 401_408
"""The same on a GPU: 512 images, since a call with eight would leave most of it idle."""
CHUNK_WORKERS = 4
"""Most threads that compute chunks in one process, however many cores there are."""

MAX_SESSIONS = 512
"""onnxruntime sessions kept open by one process: all verbs of a hundred models, 2 MB each; with
fewer a server whose visitors look at all pages compiles graphs over and over."""
MAX_SESSION_BYTES = 2**29
"""Bytes of the graphs, weights included, that these sessions were made from, all together."""
MAX_SNAPSHOT_FILES = 8
"""Open snapshot files kept by one process."""
HEAVY_JOBS = 2
"""Heavy jobs that run at the same time in one process."""
HEAVY_WAIT_SECONDS = 2.0
"""How long a heavy job waits for its turn before it is told that the machine is busy."""
