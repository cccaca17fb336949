"""What a file says about itself stays in exports, in whatever character set it says it."""

from __future__ import annotations

import io
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tagging_core.errors import PictureError
from tagging_core.publishing import schemas
from tagging_core.publishing.exports import existing_metadata, metadata
from tagging_core.publishing.exports.xmp import Packet
from tests.conftest import BLUE, photo

WAYS = [("Garment type", "Dress"), ("Main colour", "Red")]
ENDINGS = {"JPEG": "jpg", "TIFF": "tif", "PNG": "png", "WEBP": "webp", "HEIF": "heic", "AVIF": "avif"}
OURS = {"title": "Our title", "caption": "Our caption", "alt": "Our alt text"}


def an_asset(form: str, **texts: str) -> schemas.Asset:
    return schemas.Asset.model_construct(
        id=1,
        name=f"a.{ENDINGS[form]}",
        format=form,
        created_at=datetime.now(UTC),
        description=schemas.Description(language="en", written=[], **(OURS | texts)),
    )


def tagged(exiftool: str, folder: Path, form: str, *options: str, charset: str = "UTF8") -> bytes:
    """Return a picture with metadata as exiftool writes it."""
    path = folder / f"in.{ENDINGS[form]}"
    path.write_bytes(photo(BLUE, kind=form))
    command = [exiftool, "-q", "-overwrite_original", "-charset", f"iptc={charset}", *options, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path.read_bytes()


def read(exiftool: str, folder: Path, data: bytes, name: str) -> dict[str, object]:
    path = folder / name
    path.write_bytes(data)
    done = subprocess.run([exiftool, "-json", "-G1", str(path)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)[0]


def listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
@pytest.mark.parametrize(
    "own",
    [
        ["-IPTC:Caption-Abstract=Mayor opens the bridge", "-XMP-dc:Description=Mayor opens the bridge"],
        ["-IPTC:Caption-Abstract=Mayor opens the bridge"],
        ["-XMP-dc:Description=Mayor opens the bridge"],
        ["-XMP-dc:Description-de=Mayor opens the bridge", "-XMP-dc:Description=Mayor opens the bridge"],
    ],
    ids=["both", "IPTC", "XMP", "German XMP"],
)
def test_the_photographers_caption_stays(exiftool: str, tmp_path: Path, form: str, own: list[str]) -> None:
    data = tagged(exiftool, tmp_path, form, *own)
    found = read(exiftool, tmp_path, metadata.embed(data, an_asset(form), WAYS), f"out.{ENDINGS[form]}")
    assert found["IPTC:Caption-Abstract"] == found["XMP-dc:Description"] == "Mayor opens the bridge"
    assert "Our caption" not in found.values()


@pytest.mark.parametrize("form", list(ENDINGS))
def test_title_description_and_alt_text_stay_and_keywords_are_merged(
    exiftool: str, tmp_path: Path, form: str
) -> None:
    own = ["-XMP-dc:Title=His", "-XMP-dc:Description=Mayor", "-XMP-iptcCore:AltTextAccessibility=His alt"]
    own += ["-XMP-dc:Subject=Beach", "-XMP-dc:Subject=Sea", "-XMP-lr:HierarchicalSubject=Place|Beach"]
    data = tagged(exiftool, tmp_path, form, *own, "-XMP-xmp:Rating=4", "-XMP-photoshop:City=Malmö")
    if form in metadata.EMBEDDABLE:
        found = read(exiftool, tmp_path, metadata.embed(data, an_asset(form), WAYS), f"out.{ENDINGS[form]}")
        check_merged(found)
    check_merged(read(exiftool, tmp_path, metadata.sidecar(an_asset(form), WAYS, data), "out.xmp"))


def check_merged(found: dict[str, object]) -> None:
    assert found["XMP-dc:Title"] == "His"
    assert found["XMP-dc:Description"] == "Mayor"
    assert found["XMP-iptcCore:AltTextAccessibility"] == "His alt"
    assert found["XMP-dc:Subject"] == ["Beach", "Sea", "Dress", "Red"]
    assert found["XMP-lr:HierarchicalSubject"] == ["Place|Beach", "Garment type|Dress", "Main colour|Red"]
    assert (found["XMP-xmp:Rating"], found["XMP-photoshop:City"]) == (4, "Malmö")
    assert not {"Our title", "Our caption", "Our alt text"} & {str(value) for value in found.values()}


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
@pytest.mark.parametrize("charset", ["Latin", "UTF8"])
@pytest.mark.parametrize("marked", [False, True])
def test_iptc_of_any_character_set_becomes_utf_8(
    exiftool: str, tmp_path: Path, form: str, charset: str, marked: bool
) -> None:
    own = ["-IPTC:Caption-Abstract=Bürgermeister eröffnet die Brücke", "-IPTC:Keywords=Brücke", "-IPTC:City=Malmö"]
    mark = ["-IPTC:CodedCharacterSet=UTF8"] if marked and charset == "UTF8" else []
    data = tagged(exiftool, tmp_path, form, *own, *mark, charset=charset)
    found = read(exiftool, tmp_path, metadata.embed(data, an_asset(form), WAYS), f"out.{ENDINGS[form]}")
    assert found["IPTC:CodedCharacterSet"] == "UTF8"
    assert found["IPTC:Caption-Abstract"] == "Bürgermeister eröffnet die Brücke"
    assert found["IPTC:City"] == "Malmö"
    assert found["IPTC:Keywords"] == found["XMP-dc:Subject"] == ["Brücke", "Dress", "Red"]


def test_a_long_keyword_of_the_file_is_not_cut(exiftool: str, tmp_path: Path) -> None:
    data = tagged(exiftool, tmp_path, "JPEG", "-IPTC:Keywords=Beach", "-IPTC:By-line=Ann")
    twice = metadata.embed(metadata.embed(data, an_asset("JPEG"), WAYS), an_asset("JPEG"), [("Kind", "x" * 80)])
    found = read(exiftool, tmp_path, twice, "out.jpg")
    assert found["XMP-dc:Subject"] == ["Beach", "Dress", "Red", "x" * 80]
    assert found["IPTC:Keywords"] == ["Beach", "Dress", "Red", "x" * 64]
    assert found["IPTC:By-line"] == "Ann"


def test_a_sidecar_repeats_iptc_keywords_and_caption(exiftool: str, tmp_path: Path) -> None:
    own = ["-IPTC:Keywords=Brücke", "-IPTC:Caption-Abstract=Bürgermeister"]
    data = tagged(exiftool, tmp_path, "JPEG", *own, charset="Latin")
    found = read(exiftool, tmp_path, metadata.sidecar(an_asset("JPEG"), WAYS, data), "out.xmp")
    assert found["XMP-dc:Subject"] == ["Brücke", "Dress", "Red"]
    assert found["XMP-dc:Description"] == "Bürgermeister"


def test_a_picture_without_texts_gets_ours(exiftool: str, tmp_path: Path) -> None:
    data = tagged(exiftool, tmp_path, "JPEG", "-XMP-dc:Description= ", "-IPTC:Caption-Abstract= ")
    found = read(exiftool, tmp_path, metadata.embed(data, an_asset("JPEG"), WAYS), "out.jpg")
    assert found["XMP-dc:Description"] == found["IPTC:Caption-Abstract"] == "Our caption"
    assert found["XMP-dc:Title"] == "Our title"


@given(st.text(st.characters(min_codepoint=160, max_codepoint=255), min_size=1))
def test_latin_1_is_read(text: str) -> None:
    raw = text.encode("latin-1")
    try:
        expected = raw.decode()  # some Latin-1 texts are also UTF-8, which is far likelier
    except UnicodeDecodeError:
        expected = text
    assert existing_metadata.decode(raw) == expected


@given(st.binary())
def test_every_text_is_read(raw: bytes) -> None:
    existing_metadata.decode(raw).encode()


@given(st.binary(max_size=400))
def test_a_damaged_file_has_no_metadata(data: bytes) -> None:
    assert existing_metadata.read(data) == existing_metadata.ExistingMetadata()


@pytest.mark.parametrize("cut", range(0, 100, 7))
def test_a_cut_file_does_not_cost_the_sidecar(cut: int) -> None:
    data = photo(BLUE)
    metadata.sidecar(an_asset("JPEG"), WAYS, data[: len(data) * cut // 100])


DESCRIPTION = "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:dc='http://purl.org/dc/elements/1.1/'>{}</rdf:RDF>"


@pytest.mark.parametrize(
    ("xmp", "keywords", "title"),
    [
        (DESCRIPTION.format("<rdf:Description dc:subject='Beach' dc:title='His'/>"), ["Beach"], "His"),
        (
            DESCRIPTION.format("<rdf:Description/><rdf:Description><dc:title>His</dc:title></rdf:Description>"),
            [],
            "His",
        ),
        (DESCRIPTION.format("<rdf:Description><dc:title/></rdf:Description>"), [], "Ours"),
        (DESCRIPTION.format(""), [], "Ours"),
        ("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", [], "Ours"),
        (
            "\ufeff<?xpacket begin='\ufeff'?><x:xmpmeta xmlns:x='adobe:ns:meta/'/><?xpacket end='w'?>\0\0",
            [],
            "Ours",
        ),
    ],
)
def test_packets_of_every_form_are_merged(xmp: str, keywords: list[str], title: str) -> None:
    packet = Packet(xmp.encode())
    assert packet.add_items("dc:subject", ["Dress\x00\ud800"]) == [*keywords, "Dress"]
    packet.add_text("dc:title", "Ours")
    again = Packet(packet.to_bytes())
    assert again.add_items("dc:subject", []) == [*keywords, "Dress"]
    assert again.text("dc:title") == title


@pytest.mark.parametrize("xmp", [b"<x", b"\xff\xfe", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"])
def test_a_damaged_packet_is_refused(xmp: bytes) -> None:
    with pytest.raises(PictureError, match="XMP metadata"):
        Packet(xmp)


def test_pixels_are_unchanged(exiftool: str, tmp_path: Path) -> None:
    data = tagged(exiftool, tmp_path, "JPEG", "-IPTC:Keywords=Brücke", charset="Latin")
    before, after = (
        Image.open(io.BytesIO(d)).tobytes() for d in (data, metadata.embed(data, an_asset("JPEG"), WAYS))
    )
    assert before == after
