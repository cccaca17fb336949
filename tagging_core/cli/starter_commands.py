"""Commands for learned starters: build one from labelled photos, adopt it, drop it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tagging_core.app.tagloop import Tagloop
from tagging_core.cli.output import say
from tagging_core.common.users import local_user
from tagging_core.learning.labelled_photos import embed_photos, read_labels
from tagging_core.learning.learned_starter import FOLDER
from tagging_core.learning.starter_training import build_starter
from tagging_core.taxonomy import read_taxonomy


def add_starter_commands(commands: argparse._SubParsersAction[Any], common: argparse.ArgumentParser) -> None:
    """Add the commands of this module to the parser."""
    starter = commands.add_parser("starter", help="let starter tags begin with what labelled photos teach")
    what = starter.add_subparsers(required=True, metavar="ACTION")
    build = what.add_parser("build", parents=[common], help="fit a starter to labelled photos")
    build.add_argument("labels", type=Path, help="folder with labels.csv: path, categories, yes, maybe")
    build.add_argument("--encoder", help="preset, folder or hub id (default: the active model)")
    build.add_argument("--output", type=Path, help="file to write (default: the place that installations look in)")
    build.set_defaults(run=_build)
    adopt = what.add_parser("adopt", parents=[common], help="use a starter; decisions stay and count on top")
    adopt.add_argument("file", nargs="?", type=Path, help="a file of `starter build` (default: the shipped one)")
    adopt.set_defaults(run=_adopt)
    drop = what.add_parser("drop", parents=[common], help="let the tags begin with their texts again")
    drop.set_defaults(run=_drop)


def _build(loop: Tagloop, options: argparse.Namespace) -> int:
    taxonomy = read_taxonomy()
    photos = read_labels(options.labels, taxonomy)
    preset = loop.resources.encoders.preset(options.encoder) if options.encoder else loop.model.preset
    encoder = loop.resources.encoders.get(preset)
    print(f"embedding {len(photos):,} photos ...", file=sys.stderr)
    pictures = embed_photos(photos, encoder, loop.settings.max_pixels)
    print("fitting the tags ...", file=sys.stderr)
    starter = build_starter(encoder, photos, taxonomy, pictures=pictures)
    data = starter.to_bytes()
    path = options.output or FOLDER / f"{preset.fingerprint}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    found = {"file": str(path), "tags": len(starter.priors), "photos": len(photos), "bytes": len(data)}
    say(options, found, [f"{path}: {found['tags']:,} tags from {len(photos):,} photos, {len(data):,} bytes."])
    return 0


def _adopt(loop: Tagloop, options: argparse.Namespace) -> int:
    loop.models.starter.adopt(local_user(options.user), options.file.read_bytes() if options.file else None)
    loop.model.library.settle()
    return _say_status(loop, options)


def _drop(loop: Tagloop, options: argparse.Namespace) -> int:
    loop.models.starter.drop(local_user(options.user))
    loop.model.library.settle()
    return _say_status(loop, options)


def _say_status(loop: Tagloop, options: argparse.Namespace) -> int:
    photos = loop.models.starter.status().photos
    line = f"Starter tags begin with what {photos:,} photos taught." if photos else "Tags begin with their texts."
    say(options, {"photos": photos}, [line])
    return 0
