"""The card: everything about an exported model that is not a weight (`card.json`, schema 1).

It carries numbers and not formulas, so that a reader needs no code of the family. Reading is
strict: an unknown field, a missing one or a number of the wrong kind is a `ContractError` that says
so. Whether the fields agree with one another is the business of `genlab.contract.consistency`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genlab.contract.consistency import check_consistency
from genlab.contract.errors import EXPORT_AGAIN, EXPORTER, ContractError
from genlab.contract.limits import MAX_CARD_BYTES
from genlab.contract.tensors import NO_SIZES, Sizes

SCHEMA = 1
CARD_FILE = "card.json"

# A name, never a path: no separators, no leading dot, nothing that leads elsewhere.
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
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

    `sizes` are those of free axes of the inputs that the file fixes, by symbol: the number of
    parameters of a training step, say.
    """

    bytes: Positive
    inputs: list[str]
    outputs: list[str]
    sizes: dict[str, Positive] | None = None

    @property
    def fixed(self) -> Sizes:
        """The same, empty where there are none."""
        return self.sizes or NO_SIZES


class Snapshots(File):
    """Weights of earlier training steps: arrays `<step>/<initializer>` in an npz file."""

    bytes: Positive
    steps: list[Count]


class Thumbnail(File):
    """A small picture; `frames` is the number of pictures in its animation."""

    frames: Positive


class Measure(_Strict):
    """What `log_prob` means: a log density, or the log mass where numbers have `levels` values."""

    kind: Literal["continuous", "discrete"]
    levels: Positive | None = None
    bound: Literal["exact", "lower"] | None = None


class Latent(_Strict):
    """The law of `z`: standard normal, or uniform on [0, 1], in `dim` independent numbers."""

    dim: Positive
    law: Literal["normal", "uniform"]


class Constants(_Strict):
    """Numbers a reader needs: schedules (log-SNR, t = 0 first, falling), scales, class names.

    Data units are `diffusion_scale * x + diffusion_shift` of the diffusion units x.
    """

    log_snr: list[float] | None = None
    schedules: dict[str, list[float]] = Field(default_factory=dict)
    parameterisation: Literal["eps", "x0", "v"] | None = None
    diffusion_scale: Annotated[float, Field(gt=0)] | None = None
    diffusion_shift: list[float] | None = None
    null_label: int | None = None
    critic_scale: Literal["logit", "score"] | None = None
    next_value: Literal["categorical", "normal_mixture"] | None = None
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

    schema_: Literal[1] = Field(alias="schema")
    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$", max_length=80)]
    title: str
    family: str
    dataset: str
    kind: Literal["exact", "trained"]
    event_shape: Annotated[tuple[Positive, ...], Field(min_length=1)]
    extent: tuple[float, float, float, float] | None = None
    measure: Measure
    latent: Latent | None = None
    graphs: Annotated[dict[str, Graph], Field(min_length=1)]
    constants: Constants = Field(default_factory=Constants)
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

    @property
    def verbs(self) -> frozenset[str]:
        """Names of the verbs this model has."""
        return frozenset(self.graphs)

    @property
    def files(self) -> dict[str, str]:
        """sha256 of each file the card names, by file name."""
        named: list[File | None] = [
            *self.graphs.values(),
            self.snapshots,
            self.thumbnail,
            self.check,
        ]
        return {item.file: item.sha256 for item in named if item is not None}

    def dumps(self) -> str:
        """The text of `card.json`, without the fields that are absent."""
        document = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Card:
        """Read and check the card of one folder.

        Raises:
            ContractError: The card is missing, malformed, of another schema, or contradicts itself.
        """
        card = parse(folder.name, _text(folder))
        check_consistency(card, folder.name)
        return card


def parse(model: str, text: str | bytes) -> Card:
    """A card from its text, each field alone correct; `model` is the name that errors carry."""
    try:
        return _parse(model, text)
    except RecursionError:  # of either parser: a file of brackets must not end the program
        found = "one nested too deeply to be read"
        raise ContractError(model, CARD_FILE, "a JSON document", found, EXPORT_AGAIN) from None


def _parse(model: str, text: str | bytes) -> Card:
    try:
        document = json.loads(text)
    except ValueError as error:
        found = f"{error}"
        raise ContractError(model, CARD_FILE, "a JSON document", found, EXPORT_AGAIN) from None
    if not isinstance(document, dict):
        found = f"a {type(document).__name__}"
        raise ContractError(model, CARD_FILE, "a JSON object", found, EXPORT_AGAIN)
    schema = document.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        todo = "update Generative Models Lab; this model was exported by a newer version"
        raise ContractError(model, "schema", str(SCHEMA), str(schema), todo)
    try:
        return Card.model_validate_json(text)
    except ValidationError as error:
        raise from_validation(model, error) from None


def from_validation(model: str, error: ValidationError) -> ContractError:
    """The first complaint of pydantic in the contract's own words."""
    first, *others = error.errors(include_url=False)
    field = ".".join(str(part) for part in first["loc"]) or CARD_FILE
    more = f" (and {len(others)} more problems)" if others else ""
    if first["type"] == "missing":
        return ContractError(model, field, "this field", f"nothing{more}", EXPORTER)
    if first["type"] == "extra_forbidden":
        return ContractError(model, field, "no such field", f"one{more}", EXPORTER)
    expected = first["msg"].removeprefix("Input should be ")
    shown = repr(first["input"])
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return ContractError(model, field, expected, f"{shown}{more}", EXPORTER)


def _text(folder: Path) -> bytes:
    path, model = folder / CARD_FILE, folder.name
    try:
        size = path.stat().st_size
        if size > MAX_CARD_BYTES:
            expected = f"at most {MAX_CARD_BYTES:,} bytes"
            raise ContractError(model, CARD_FILE, expected, f"{size:,} bytes", EXPORT_AGAIN)
        return path.read_bytes()
    except OSError as error:
        found = error.strerror or "an unreadable file"
        raise ContractError(model, CARD_FILE, "a readable file", found, EXPORT_AGAIN) from None
