"""The list of encoders and what belongs to each; the values are in presets.toml."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from tagging_core.embeddings.encoders import weights
from tagging_core.errors import EncoderError


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
    """One encoder that a setting can choose; presets.toml says what each value means.

    Attributes:
        name: What `TAGLOOP_ENCODER` says.
        dimension: Length of its vectors; 0 where only loading tells.
        max_pixels: Pixels of a picture that reach the network; part of the fingerprint.
        instructed: Which sides an instruction reaches: none, text, image, both.
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
        """Short text that differs whenever vectors must not be compared: name and a hash of what shapes them."""
        what = f"{self.model}|{self.revision}|{self.dimension}|{self.max_pixels}"
        if self.loader == "gme" or self.min_pixels or self.document:
            what += f"|{self.loader}|{self.min_pixels}|{self.document}"
        slug = "".join(c if c.isalnum() else "-" for c in self.name.lower())[-40:].strip("-")
        return f"{slug}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"


@cache
def presets() -> dict[str, Preset]:
    """All listed presets by name."""
    text = resources.files(__package__).joinpath("presets.toml").read_text("utf-8")
    return {name: _preset(name, values) for name, values in tomllib.loads(text).items() if name != "default"}


def find_preset(name: str) -> Preset:
    """The preset of that name; any other name is a local folder or a hub id and takes the defaults.

    A folder's revision is a hash of what lies in it, so that other weights under the same path are another model.

    Raises:
        EncoderError: It is neither a preset nor a folder that holds a model nor of the form `owner/name`.
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
        f"The model {name!r} is neither a preset nor a folder here nor a hub id such as owner/model.{meant} "
        f"There are {known}; TAGLOOP_ENCODER=builtin always works."
    )


def _preset(name: str, values: dict) -> Preset:
    constants = values["learner"]
    metric = tuple((length, gain) for length, gain in constants.get("metric", []))
    learner = LearnerDefaults(**{**constants, "metric": metric})
    lists = {key: tuple(values.get(key, ())) for key in ("languages", "templates")}
    return Preset(name=name, **{**values, **lists, "learner": learner})
