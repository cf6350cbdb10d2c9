"""Which device a model runs on: what was asked for, what was granted, and why they differ.

onnxruntime falls back to the CPU in silence, so the wish is compared with the truth twice: with the
driver before a session is made (here), and with the session's own providers after it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from functools import cache

from genlab.runtime.errors import InputError, NoGpuError

REQUIRE_VARIABLE = "GENLAB_REQUIRE_GPU"
"""Set to 1, nothing runs unless a GPU was granted."""
CHOICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Device:
    """A device as asked for ("auto", "cpu", "cuda") and as granted ("cpu", "cuda").

    `reason` is a sentence for a badge's help text, empty where there is nothing to explain.
    """

    requested: str
    granted: str
    reason: str = ""


def choose_device(requested: str = "auto") -> Device:
    """Decide where models run.

    Raises:
        InputError: The request is none of "auto", "cpu" and "cuda".
        NoGpuError: `GENLAB_REQUIRE_GPU=1` and the GPU was not granted.
    """
    if requested not in CHOICES:
        raise InputError("device", f"one of {', '.join(CHOICES)}", repr(requested))
    if requested == "cpu":
        return demand_gpu(Device(requested, "cpu"))
    missing = missing_cuda()
    return demand_gpu(Device(requested, "cpu" if missing else "cuda", missing))


def demand_gpu(device: Device) -> Device:
    """The same device; a `NoGpuError` if a GPU is required and this is none."""
    if device.granted != "cuda" and os.environ.get(REQUIRE_VARIABLE) == "1":
        reason = device.reason or f"the device asked for is {device.requested}"
        raise NoGpuError(f"{REQUIRE_VARIABLE}=1, but no GPU was granted: {reason}")
    return device


@cache
def missing_cuda() -> str:
    """Why CUDA cannot be used, or an empty text where it can; loads the CUDA libraries once."""
    if not (count := _gpus()):
        return "no NVIDIA GPU or driver was found" if count == 0 else "the NVIDIA driver failed"
    import onnxruntime  # noqa: PLC0415 - slow to import, so only when a model is opened

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "this build of onnxruntime has no CUDA; install onnxruntime-gpu"
    onnxruntime.preload_dlls()
    return ""


def _gpus() -> int | None:
    """Number of GPUs the driver sees; 0 without a driver, None if it fails."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return None
    return count.value
