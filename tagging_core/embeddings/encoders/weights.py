"""Checks of a local model folder (complete, no pickles) and a hash of its content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tagging_core.errors import EncoderError

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.txt", "vocab.json")
_SAMPLE = 65_536  # bytes hashed at each of _PLACES positions of a weights file
_PLACES = 16


def check(folder: Path) -> None:
    """Check a model folder before gigabytes are read.

    Raises:
        EncoderError: Weights are missing, truncated or pickled, or there is no tokenizer.
    """
    files = sorted(folder.rglob("*.safetensors"))
    pickles = [path.name for pattern in _PICKLES for path in folder.rglob(pattern)]
    if not files and pickles:
        raise EncoderError(
            f"{folder} has its weights in {pickles[0]}, a format that can execute arbitrary code when loaded. "
            "Tagloop reads safetensors only: use a revision of the model that has them."
        )
    if not files:
        raise EncoderError(f"{folder} holds no weights (*.safetensors). Copy the complete model there.")
    for index in folder.rglob("*.safetensors.index.json"):
        named = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
        if missing := sorted(name for name in named if not (index.parent / name).is_file()):
            raise EncoderError(
                _incomplete(folder, f"{len(missing)} of {len(named)} files are missing: {missing[0]}")
            )
    for path in files:
        if (size := path.stat().st_size) != (wanted := _full_size(path)):
            raise EncoderError(_incomplete(folder, f"{path.name} has {size:,} of {wanted:,} bytes"))
    if not any(path for name in _TOKENIZERS for path in folder.rglob(name)):
        raise EncoderError(
            f"{folder} has no tokenizer (tokenizer.json), so that texts cannot be embedded. Copy the model's "
            "tokenizer files there as well."
        )


def revision(folder: Path) -> str:
    """Return a hash, 12 hex digits, of a model's configuration and samples of its weights; takes milliseconds."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".safetensors":
            digest.update(f"{path.relative_to(folder)}|{path.stat().st_size}".encode())
            _sample(path, digest)
        elif path.name in ("config.json", "modules.json") or path.parent.name == "1_Pooling":
            digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()[:12]


def loader(folder: Path) -> str:
    """Return the loader for a folder: `gme` for a plain Qwen2-VL checkpoint, which the default would mean-pool."""
    config = _json(folder / "config.json")
    return "gme" if config.get("model_type") == "qwen2_vl" and not _native(folder) else "sentence-transformers"


def _native(folder: Path) -> bool:
    """Whether modules.json lists only the library's own modules, and so defines the pooling."""
    modules = folder / "modules.json"
    kinds = [module["type"] for module in json.loads(modules.read_text("utf-8"))] if modules.is_file() else []
    return bool(kinds) and all(kind.startswith("sentence_transformers.") for kind in kinds)


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        return {}


def _sample(path: Path, digest: Any) -> None:
    with path.open("rb") as file:
        step = max(_SAMPLE, path.stat().st_size // _PLACES)
        for place in range(0, path.stat().st_size, step):
            file.seek(place)
            digest.update(file.read(_SAMPLE))


def _full_size(path: Path) -> int:
    """Size in bytes of a safetensors file according to its header."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if length < path.stat().st_size else b""
    if not header:
        return length + 8
    entries = [value for key, value in json.loads(header).items() if key != "__metadata__"]
    return 8 + length + max((int(entry["data_offsets"][1]) for entry in entries), default=0)


def _incomplete(folder: Path, what: str) -> str:
    return f"The model in {folder} is incomplete: {what}. Copy it again."
