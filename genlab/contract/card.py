"""The card: everything about an exported model that is not a weight (`card.json`, schema 2).

It carries numbers and not formulas, so that a reader needs no code of the family. It is strict: an
unknown field, a missing one or a number of the wrong kind is refused. `reading` reads it, older
schemas too; whether the fields agree with one another is the business of `consistency`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 2
CARD_FILE = "card.json"
ALIASES = {"k": "n_critic", "clock": "embedding"}
"""Today's names of hyper-parameters by those on cards that are out, which are never rewritten."""

# A name, never a path: no separators, no leading dot, nothing that leads elsewhere.
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_by_name=True
    )


class File(_Strict):
    """A file beside the card; `sha256` in lower-case hexadecimal digits."""

    file: FileName
    sha256: Sha256


class Graph(File):
    """The ONNX file of a verb and the names of the verb's tensors in it.

    `sizes`, by symbol, are those of inputs' free axes that the file fixes: of parameters, say.
    """

    bytes: Positive
    inputs: list[str]
    outputs: list[str]
    sizes: dict[str, Positive] | None = None

    @property
    def fixed(self) -> dict[str, int]:
        """The same, empty where there are none."""
        return self.sizes or {}


class Snapshots(File):
    """Weights of earlier training steps: arrays `<step>/<initializer>` in an npz file."""

    bytes: Positive
    steps: list[Count]


class Thumbnail(File):
    """A small picture; `frames` is the number of pictures in its animation."""

    frames: Positive


class Asset(File):
    """A further file that the model's inputs or outputs need, such as a vocabulary."""

    bytes: Positive


class Space(_Strict):
    """Where samples live, see `docs/contract.md`; `extent` is a window, x0, x1, y0, y1."""

    shape: Annotated[tuple[Positive, ...], Field(min_length=1)]
    kind: Literal["points", "image", "video", "tokens"]
    extent: tuple[float, float, float, float] | None = None

    @property
    def channels(self) -> int | None:
        """Of an image or a video: 1 is grey, 3 is colour."""
        return self.shape[-3] if self.kind in ("image", "video") else None


class Condition(_Strict):
    """What a model may be asked for: the shape of its value for one row.

    `values` is how many there are where they are counted from 0 (classes, words); `null` says
    "any", and a model without it must be told.
    """

    dtype: Literal["int64", "float32"]
    shape: tuple[Positive, ...] = ()
    values: Positive | None = None
    null: int | float | None = None


class Measure(_Strict):
    """What `log_prob` means: a log density, or the log mass where numbers have `levels` values.

    `bound` says how true it is: exact, at most that, or an estimate that may miss either way.
    """

    kind: Literal["continuous", "discrete"]
    levels: Positive | None = None
    bound: Literal["exact", "lower", "estimate"] | None = None


class Latent(_Strict):
    """The law of `z`: standard normal, or uniform on [0, 1], in `dim` independent numbers."""

    dim: Positive
    law: Literal["normal", "uniform"]


class Constants(_Strict):
    """Numbers a reader needs: schedules (log-SNR, t = 0 first, falling), scales, class names.

    Data units are `diffusion_scale * x + diffusion_shift` of the diffusion units x. `order` has for
    each value of the sequence that `next` tells the flat indices of the numbers it holds.
    """

    log_snr: list[float] | None = None
    schedules: dict[str, list[float]] = Field(default_factory=dict)
    parameterisation: Literal["eps", "x0", "v"] | None = None
    diffusion_scale: Annotated[float, Field(gt=0)] | None = None
    diffusion_shift: list[float] | None = None
    critic_scale: Literal["logit", "score"] | None = None
    next_value: Literal["categorical", "normal_mixture"] | None = None
    order: list[Annotated[list[Count], Field(min_length=1)]] | None = None
    classes: list[str] | None = None


class Metric(_Strict):
    """One measured number with its standard error, split, number of points and protocol."""

    name: str
    value: float
    stderr: float | None = None
    split: str
    n: Count
    protocol: str
    step: Count | None = None


class Provenance(_Strict):
    """Where the model came from; `seconds` of training, `created` an ISO 8601 time."""

    git_commit: str
    command: str
    seed: int
    versions: dict[str, str]
    data_sha256: Sha256 | None = None
    created: str
    seconds: Annotated[float, Field(ge=0)]
    hardware: str


class Card(_Strict):
    """One exported model. See `docs/contract.md` for every field in words."""

    schema_: Literal[2] = Field(alias="schema")
    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$", max_length=80)]
    name: str
    dataset_title: str
    family: str
    dataset: str
    kind: Literal["exact", "trained"]
    spaces: Annotated[dict[Name, Space], Field(min_length=1)]
    measure: Measure
    latent: Latent | None = None
    graphs: Annotated[dict[str, Graph], Field(min_length=1)]
    constants: Constants = Field(default_factory=Constants)
    conditions: dict[Name, Condition] = Field(default_factory=dict)
    assets: dict[Name, Asset] = Field(default_factory=dict)
    snapshots: Snapshots | None = None
    thumbnail: Thumbnail | None = None
    check: File
    recipe: dict[str, Any]
    history: dict[str, list[float]] = Field(default_factory=dict)
    metrics: list[Metric] = Field(default_factory=list)
    parity: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    provenance: Provenance
    license: str
    references: list[str]

    def __hash__(self) -> int:  # cheap: what follows from a card is kept by it
        return hash((self.id, self.check.sha256))

    @property
    def title(self) -> str:
        """Data set and model in words, for people."""
        return f"{self.dataset_title}: {self.name}"

    @property
    def space(self) -> Space:
        """The main space, the first: where samples live."""
        return next(iter(self.spaces.values()))

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.space.shape

    @property
    def extent(self) -> tuple[float, float, float, float] | None:
        """Window of the main space to plot, x0, x1, y0, y1, data units."""
        return self.space.extent

    def null(self, condition: str) -> int | float | None:
        """The value of a condition that says "any"; None without one, or without the condition."""
        told = self.conditions.get(condition)
        return None if told is None else told.null

    @property
    def labels(self) -> list[str]:
        """What the values of the condition `label` are called: classes, or just their numbers."""
        told = self.conditions.get("label")
        numbers = range(told.values or 0) if told else ()
        return list(self.constants.classes or map(str, numbers))

    def hyper(self, part: str, name: str) -> Any:
        """A hyper-parameter of the recipe (part "family" or "loop"), None where it says none."""
        values = self.recipe.get(part)
        return renamed(values).get(name) if isinstance(values, dict) else None

    @property
    def verbs(self) -> frozenset[str]:
        """Names of the verbs this model has."""
        return frozenset(self.graphs)

    @property
    def steps(self) -> list[int]:
        """Training steps whose weights were kept; none where it has no snapshots."""
        return self.snapshots.steps if self.snapshots else []

    @property
    def files(self) -> dict[str, str]:
        """sha256 of each file the card names, by file name."""
        named = *self.graphs.values(), *self.assets.values(), self.snapshots, self.thumbnail
        return {item.file: item.sha256 for item in (*named, self.check) if item is not None}

    def dumps(self) -> str:
        """The text of `card.json`, without the fields that are absent."""
        document = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def renamed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Hyper-parameters of a part of a recipe under their names of today."""
    return {ALIASES.get(name, name): value for name, value in settings.items()}
