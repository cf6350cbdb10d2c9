"""What an engineer says of a model: options of `genlab pack`, arguments of `genlab.pack`.

Names, shapes and dtypes are read from the files; here is what no file tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro

from genlab.contract.errors import ContractError

KINDS = {
    "generator": "decode",
    "decoder": "decode",
    "vae": "decode",
    "flow": "log_prob",
    "diffusion": "denoise",
    "classifier": "classify",
    "autoregressive": "next",
}
"""Kinds of models, each with the verb of the file that is named first."""
KIND = Literal["generator", "decoder", "vae", "flow", "diffusion", "classifier", "autoregressive"]
VERBS = ("log_prob", "decode", "encode", "layers", "denoise", "critic", "classify", "next")
"""Verbs that files can be packed for."""
OWN = (
    "onnxruntime itself: it tells that the files are intact, not that they agree with the original"
)
"""What a card says of check values that no original gave."""
PREDICTIONS = {"epsilon": "eps", "v_prediction": "v", "sample": "x0"}
"""What diffusers calls the parameterisations."""
RANGES = {"unit": (1.0, 0.0), "tanh": (0.5, 0.5), "bytes": (1 / 255, 0.0), "logits": (1.0, 0.0)}
"""Data = scale × the network's numbers + shift; of logits their sigmoid."""


@dataclass(frozen=True, kw_only=True)
class Main:
    """What every model needs."""

    model: Annotated[Path | None, tyro.conf.Positional] = None
    """the ONNX file that the kind is about"""
    id: str
    """identifier, <dataset>-<family>[-variant], such as faces-ddpm: also the folder's name"""
    into: Path
    """folder of models in which the model's own folder is made"""
    kind: KIND | None = None
    """what the file that is named first does"""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Files, by what they do; of several files one is named first, with --kind."""

    diffusers: Path | None = None
    """instead of files: the folder of a pipeline of diffusers (wants torch and diffusers)"""
    log_prob: Path | None = None
    """further file: x to log density, nats"""
    decode: Path | None = None
    """further file: z to x"""
    encode: Path | None = None
    """further file: x to z (of a VAE also the log variance)"""
    layers: Path | None = None
    """further file: z to all stages of a flow"""
    denoise: Path | None = None
    """further file: noisy x and time to the prediction"""
    critic: Path | None = None
    """further file: x to a score"""
    classify: Path | None = None
    """further file: x to logits"""
    next: Path | None = None
    """further file: values so far to the distribution of the next one"""


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the files leave open."""

    names: tuple[str, ...] = ()
    """where names in a file leave it open: contract=theirs, such as x=sample or critic.x=image"""
    fixed: tuple[str, ...] = ()
    """inputs that are made constants: theirs=number"""
    shape: tuple[int, ...] = ()
    """shape of one sample, such as 3 32 32, where the file is flat or does not tell it"""
    layout: Literal["nchw", "nhwc"] = "nchw"
    """order of the axes of the files' images; nhwc is transposed inside of the graph"""


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What the files' numbers mean."""

    range: tuple[str, ...] = ("unit",)
    """numbers of the files' samples: unit [0, 1] (or data as they are), tanh [-1, 1], bytes
    [0, 255], logits; for one verb alone: decode=logits"""
    mean: tuple[float, ...] = ()
    """the files' samples are (data - mean) / std: one number, one a channel, or one a coordinate"""
    std: tuple[float, ...] = ()
    """the same"""
    clip: bool = False
    """cut off what decode makes outside of [0, 1]"""
    latent: Literal["normal", "uniform", "symmetric"] = "normal"
    """law of z: standard normal, uniform on [0, 1], or uniform on [-1, 1] in the files"""
    probabilities: bool = False
    """critic and classify give probabilities, which become log-odds"""
    critic_scale: Literal["logit", "score"] = "logit"
    """what the critic's number is; a Wasserstein critic gives a score"""
    levels: int | None = None
    """log_prob is the log mass of so many grey levels, and no density"""
    bound: Literal["exact", "lower", "estimate"] = "exact"
    """how true log_prob is"""
    next_value: Literal["categorical", "normal_mixture"] = "categorical"
    """what the distribution of the next value is told by"""
    start: float | None = None
    """of a sequence model that cannot begin with nothing: the value in front of the first"""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Of a diffusion model."""

    parameterisation: str | None = None
    """what the denoiser predicts: eps, v, x0 (or epsilon, v_prediction, sample)"""
    alphas_cumprod: str | None = None
    """of diffusion: a .npy file of the scheduler's alphas_cumprod, or linear, scaled_linear,
    squaredcos_cap_v2"""
    steps: int = 1_000
    """trained steps of a schedule that is named"""
    beta_start: float = 1e-4
    """of a schedule that is named"""
    beta_end: float = 0.02
    """the same"""
    time: Literal["step", "log_snr"] = "step"
    """what the denoiser is told: the number of the trained step, or log-SNR itself"""
    log_snr: str | None = None
    """of a denoiser that is told log-SNR: a .npy file of its schedule, falling, clean end first"""


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Of a model that knows classes."""

    classes: tuple[str, ...] = ()
    """names of the classes, or their number"""
    null_label: int | None = None
    """the label that says "any", where the model was trained with one"""


@dataclass(frozen=True, kw_only=True)
class Data:
    """To compare with."""

    data: str | None = None
    """a sample of the data: a folder of pictures, an .npz file or a .csv file of points"""
    check_values: str | None = None
    """an .npz file with what the original said: arrays by the file's own tensor names, 33 rows"""
    extent: tuple[float, ...] = ()
    """window to plot: x0 x1 y0 y1, data units"""


@dataclass(frozen=True, kw_only=True)
class About:
    """What stands on the card."""

    name: str = ""
    """what people call the model"""
    dataset_title: str = ""
    """what people call its data set"""
    license: str = "not stated"
    """licence of the weights"""
    references: tuple[str, ...] = ()
    """where model and method are described"""
    commit: str = "unknown"
    """commit of the code that trained it"""
    seed: int = 0
    """seed of the training"""
    seconds: float = 0.0
    """of training"""
    hardware: str = "not stated"
    """on which it was trained"""
    thumbnail: bool = True
    """draw the small film of the model's tile, which wants pillow"""


GROUPS = (Files, Names, Samples, Noise, Classes, Data, About)
"""The options by what they are about, as `genlab pack --help` lists them."""


@dataclass(frozen=True, kw_only=True)
class Options(About, Data, Classes, Noise, Samples, Names, Files, Main):
    """All that `genlab.pack` may be told; python counts the fields of the last base first."""

    @property
    def dataset(self) -> str:
        """The first part of the identifier."""
        return self.id.partition("-")[0]

    @property
    def family(self) -> str:
        """The second part."""
        return [*self.id.split("-"), ""][1]

    @property
    def class_names(self) -> list[str]:
        """Names of the classes: those given, or numbers."""
        count = self.classes[0] if len(self.classes) == 1 else ""
        return [str(i) for i in range(int(count))] if count.isdecimal() else list(self.classes)

    def range_of(self, verb: str) -> str:
        """The range of a verb's samples by name."""
        return self.told("range", verb)

    def named(self, verb: str) -> dict[str, str]:
        """Names in a verb's file by those of the contract."""
        pairs = (told.partition("=") for told in self.names)
        split = ((left.rpartition("."), theirs) for left, _, theirs in pairs)
        return {name: theirs for (own, _, name), theirs in split if own in ("", verb)}

    def told(self, option: str, verb: str) -> str:
        """What an option of several words says of a verb: its own word, else the one for all."""
        words: tuple[str, ...] = getattr(self, option)
        own = dict(word.split("=", 1) for word in words if "=" in word)
        return own.get(verb, next((word for word in words if "=" not in word), "unit"))


def options_of(**given: Any) -> Options:
    """Options from python: single words and numbers stand for lists of one, paths may be texts."""
    plural = ("names", "fixed", "shape", "range", "mean", "std", "classes", "references", "extent")
    for key in plural:
        if key in given:
            value = given[key]
            listed = (value,) if isinstance(value, str | int | float) else value
            given[key] = tuple(str(item) if key == "classes" else item for item in listed)
    for key in ("into", "model", "diffusers", *VERBS):
        if given.get(key) is not None:
            given[key] = Path(given[key])
    options = Options(**given)
    for key, value in wrong(options):
        raise ContractError(str(options.id), key, value, repr(getattr(options, key)), "correct it")
    return options


def wrong(options: Options) -> Iterator[tuple[str, str]]:
    """Options that are none of their few words, or numbers that make no sense: what is expected."""
    for key, hint in get_type_hints(Options, include_extras=False).items():
        for each in (hint, *get_args(hint)):
            words = get_args(each) if get_origin(each) is Literal else ()
            value = getattr(options, key)
            if words and value is not None and value not in words:
                yield key, f"one of {', '.join(map(str, words))}"
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", str(options.id)):
        yield "id", "<dataset>-<family>, in small letters and figures, such as faces-gan"
    if len(options.shape) == 3 and options.shape[0] not in (1, 3) and options.shape[2] in (1, 3):
        yield "shape", "channels, rows, columns (also with layout=nhwc), such as 3 32 32"
    if options.steps < 1:
        yield "steps", "1 or more"
    if options.null_label is not None and options.null_label < 0:
        yield "null_label", "0 or more: the label that the network was trained with for any class"
    if len(options.extent) not in (0, 4):
        yield "extent", "four numbers: x0 x1 y0 y1"
