"""A pipeline of diffusers as a model of the lab, in one command, where torch and diffusers are.

The folder holds `unet/` (a `UNet2DModel`) and `scheduler/`, as `save_pretrained` writes them. The
network is exported, its ᾱ and parameterisation are read from the scheduler, and check values are
what torch says.
"""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.packing.options import Options
from genlab.packing.packing import packed_model
from genlab.packing.values import MOST

OPSET = 20


def pack_pipeline(options: Options) -> Card:
    """Pack the pipeline of `options.diffusers`; what the options say of it is kept.

    Raises:
        ContractError: torch or diffusers is missing, the folder holds no such pipeline, or as in
            `genlab.pack`.
    """
    folder = options.diffusers
    assert folder is not None
    torch, diffusers = (_module(options.id, name) for name in ("torch", "diffusers"))
    config = _config(options.id, folder / "scheduler" / "scheduler_config.json")
    _config(options.id, folder / "unet" / "config.json")
    net = diffusers.UNet2DModel.from_pretrained(folder / "unet").eval()
    scheduler = diffusers.DDPMScheduler.from_config(config)
    classes = net.config.num_class_embeds
    with tempfile.TemporaryDirectory() as place:
        file, values = Path(place) / "unet.onnx", Path(place) / "values.npz"
        said = export(torch, net, file, len(scheduler.alphas_cumprod), classes)
        np.savez(values, **said)
        told = replace(
            options,
            kind="diffusion",
            denoise=file,
            alphas_cumprod=scheduler.alphas_cumprod.numpy(),
            parameterisation=options.parameterisation or scheduler.config.prediction_type,
            range=("tanh",) if options.range == ("unit",) else options.range,
            classes=options.classes or ((str(classes),) if classes else ()),
            check_values=str(values),
        )
        return packed_model(told, asked=options)


def export(
    torch: Any, net: Any, file: Path, steps: int, classes: int | None = None
) -> dict[str, Any]:
    """Write a `UNet2DModel` as an ONNX file; examples of 33 rows with what torch says to them."""
    size = net.config.sample_size
    wide = (size, size) if isinstance(size, int) else tuple(size)
    draw = torch.Generator().manual_seed(0)
    inputs = {
        "sample": torch.randn(MOST, net.config.in_channels, *wide, generator=draw),
        "timestep": torch.randint(0, steps, (MOST,), generator=draw),
    }
    if classes:
        inputs["class_labels"] = torch.arange(MOST) % classes
    example = tuple(value[:2].clone() for value in inputs.values())
    module = _tensors_only(torch, net)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(
            module,
            example,
            dynamo=True,
            opset_version=OPSET,
            optimize=False,
            external_data=False,
            input_names=list(inputs),
            output_names=["model_output"],
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},) * len(example),
            verbose=False,
        )
    program.save(file)
    with torch.no_grad():
        said = module(*inputs.values())
    return {name: value.numpy() for name, value in (*inputs.items(), ("model_output", said))}


def _tensors_only(torch: Any, net: Any) -> Any:
    """The network as a module from tensors to a tensor."""

    class Tensors(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, sample: Any, timestep: Any, class_labels: Any = None) -> Any:
            told = {} if class_labels is None else {"class_labels": class_labels}
            return self.net(sample, timestep, return_dict=False, **told)[0]

    return Tensors().eval()


def _module(model: str, name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        todo = "pip install torch onnxscript diffusers, or export the network and pack the file"
        found = f"no module {name}"
        raise ContractError(model, "diffusers", "torch and diffusers", found, todo) from None


def _config(model: str, file: Path) -> dict[str, Any]:
    """A configuration of a pipeline's part."""
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError):
        expected = "a pipeline's folder with unet/ and scheduler/, as save_pretrained writes it"
        todo = "pass the folder that holds model_index.json"
        found = f"no readable {file.parent.name}/{file.name}"
        raise ContractError(model, "diffusers", expected, found, todo) from None
