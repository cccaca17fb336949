"""The list of encoders and what belongs to each; the values are in presets.toml."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class LearnerDefaults:
    """How far an encoder's raw similarities can be trusted; see presets.toml for the meaning of each."""

    slope: float
    prior: float
    presence: float
    hub: float
    residual_variance: float
    text_scale: float
    metric: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """One encoder that a setting can choose.

    Attributes:
        name: What `TAGLOOP_ENCODER` says.
        dimension: Length of its vectors; 0 where only loading tells.
        max_pixels: Pixels of a picture that reach the network; part of the fingerprint.
    """

    name: str
    title: str
    loader: str
    model: str
    revision: str
    dimension: int
    licence: str
    languages: tuple[str, ...]
    memory_gb: float
    max_pixels: int
    learner: LearnerDefaults

    @property
    def fingerprint(self) -> str:
        """Short text that differs whenever vectors must not be compared: name and a hash of what shapes them."""
        what = f"{self.model}|{self.revision}|{self.dimension}|{self.max_pixels}"
        slug = "".join(c if c.isalnum() else "-" for c in self.name.lower())[-40:].strip("-")
        return f"{slug}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"


@cache
def presets() -> dict[str, Preset]:
    """All listed presets by name."""
    text = resources.files(__package__).joinpath("presets.toml").read_text("utf-8")
    return {name: _preset(name, values) for name, values in tomllib.loads(text).items() if name != "default"}


def find_preset(name: str) -> Preset:
    """The preset of that name; any other name is a local folder or a hub id and takes the defaults."""
    if name in presets():
        return presets()[name]
    text = resources.files(__package__).joinpath("presets.toml").read_text("utf-8")
    return _preset(name, {**tomllib.loads(text)["default"], "model": name})


def _preset(name: str, values: dict) -> Preset:
    constants = values["learner"]
    metric = tuple((length, gain) for length, gain in constants.get("metric", []))
    learner = LearnerDefaults(**{**constants, "metric": metric})
    return Preset(name=name, **{**values, "languages": tuple(values["languages"]), "learner": learner})
