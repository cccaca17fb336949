"""The asset catalogue: rows, image files, and the protected set."""

from __future__ import annotations

from tagging_core.assets.catalog import AssetCatalog
from tagging_core.assets.decoding import open_picture
from tagging_core.assets.files import ImageFiles, Rendition
from tagging_core.assets.protected import open_alerts, protect
from tagging_core.assets.repository import Asset, AssetText, NewAsset, get, get_many, insert, resolve

__all__ = [
    "Asset",
    "AssetCatalog",
    "AssetText",
    "ImageFiles",
    "NewAsset",
    "Rendition",
    "get",
    "get_many",
    "insert",
    "open_alerts",
    "open_picture",
    "protect",
    "resolve",
]
