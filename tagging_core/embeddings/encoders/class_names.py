"""The names of the 1,000 classes of ImageNet: what the built-in network was trained on, and words for new tags."""

from __future__ import annotations

from importlib import resources


def class_names() -> list[str]:
    """Return the names in the order of the network's outputs.

    Returns:
        1,000 English names.
    """
    return resources.files(__package__).joinpath("imagenet_classes.txt").read_text("utf-8").splitlines()
