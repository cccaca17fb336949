"""Encoder presets; their values are in presets.toml."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from tagging_core.embeddings.encoders import weights
from tagging_core.errors import EncoderError


@dataclass(frozen=True, slots=True)
class LearnerDefaults:
    """Priors and scales for learning on an encoder's similarities; presets.toml documents each."""

    slope: float
    prior: float
    presence: float
    residual_variance: float
    text_scale: float
    metric: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """A selectable encoder; presets.toml documents each value.

    Attributes:
        name: Value of `TAGLOOP_ENCODER`.
        dimension: Dimension of the vectors; 0 if known only after loading.
        max_pixels: Larger images are shrunk to this many pixels; part of the fingerprint.
        instructed: Inputs that an instruction applies to: none, text, image or both.
    """

    name: str
    title: str
    loader: str
    model: str
    revision: str
    dimension: int
    licence: str
    languages: tuple[str, ...]
    parameters: int
    memory_gb: float
    max_pixels: int
    learner: LearnerDefaults
    min_pixels: int = 0
    document: str = ""
    query: str = ""
    instructed: str = "none"
    fuses: bool = False
    templates: tuple[str, ...] = ()
    padded: int = 0

    @property
    def fingerprint(self) -> str:
        """Name and hash of all that determines the vectors; differs if vectors are not comparable."""
        what = f"{self.model}|{self.revision}|{self.dimension}|{self.max_pixels}"
        if self.loader == "gme" or self.min_pixels or self.document:
            what += f"|{self.loader}|{self.min_pixels}|{self.document}"
        slug = "".join(c if c.isalnum() else "-" for c in self.name.lower())[-40:].strip("-")
        return f"{slug}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"


@cache
def presets() -> dict[str, Preset]:
    """Read the presets that ship with Tagloop; cached.

    Returns:
        All presets by name, in the order of presets.toml.
    """
    text = resources.files(__package__).joinpath("presets.toml").read_text("utf-8")
    return {name: _preset(name, values) for name, values in tomllib.loads(text).items() if name != "default"}


def find_preset(name: str) -> Preset:
    """Return the preset of a name, or make one for a local folder or hub id.

    Args:
        name: Preset name, local folder (`~` is expanded) or hub id of the form `owner/name`; that a hub id exists
            is checked only when the model is loaded.

    Returns:
        The preset, with default values for a folder or hub id. A folder's revision is a hash of its content, so
        that other weights in the same path are another model.

    Raises:
        EncoderError: The name is none of these.
    """
    if name in presets():
        return presets()[name]
    text = resources.files(__package__).joinpath("presets.toml").read_text("utf-8")
    values = tomllib.loads(text)["default"] | {"model": name, "title": name}
    folder = Path(name).expanduser()
    if folder.is_dir():
        values |= {
            "title": folder.name,
            "model": str(folder),
            "revision": weights.revision(folder),
            "loader": weights.loader(folder),
        }
    elif name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise EncoderError(_unknown(name))
    return _preset(name, values)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), presets(), 1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    known = ", ".join(preset for preset in presets() if preset != "tiny")
    return (
        f"The model {name!r} is neither a preset, nor a local folder, nor a hub id such as owner/model.{meant} "
        f"Presets: {known}; TAGLOOP_ENCODER=builtin always works."
    )


def _preset(name: str, values: dict[str, Any]) -> Preset:
    constants = values["learner"]
    metric = tuple((length, gain) for length, gain in constants.get("metric", []))
    learner = LearnerDefaults(**{**constants, "metric": metric})
    lists = {key: tuple(values.get(key, ())) for key in ("languages", "templates")}
    return Preset(name=name, **{**values, **lists, "learner": learner})
