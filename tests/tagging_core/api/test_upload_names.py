from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging_core.api.upload_names import file_name

NAMES = {
    "browsers and curl": ('filename="夏.jpg"'.encode(), "夏.jpg"),
    "a quote of browsers": (b'filename="5%22 heel.jpg"', '5" heel.jpg'),
    "a quote of curl": (rb'filename="5\" heel; red.jpg"', '5" heel; red.jpg'),
    "a per cent sign": (b'filename="100%.jpg"', "100%.jpg"),
    ".NET": (b"filename=\"=?utf-8?B?5aSPLmpwZw==?=\"; filename*=utf-8''%E5%A4%8F.jpg", "夏.jpg"),
    ".NET Framework": (b'filename="=?utf-8?B?5aSPLmpwZw==?="', "夏.jpg"),
    "quoted-printable words": (b'filename="=?iso-8859-1?Q?=E9t=E9.jpg?="', "été.jpg"),
    "several encoded words": (b'filename="=?utf-8?B?5aSP?= =?utf-8?Q?.jpg?="', "夏.jpg"),
    "no encoded word": (b'filename="=?what?="', "=?what?="),
    "old requests": (b"filename*=utf-8''%E5%A4%8F.jpg", "夏.jpg"),
    "RFC 5987 with a language": (b"filename*=iso-8859-1'fr'%E9t%E9.jpg", "été.jpg"),
    "RFC 5987 before the plain name": (b"filename*=UTF-8''%E5%A4%8F.jpg; filename=\"x.jpg\"", "夏.jpg"),
    "RFC 5987 without a character set": (b"filename*=%E5%A4%8F.jpg", "夏.jpg"),
    "RFC 5987 with an unknown one": (b"filename*=none''%E5%A4%8F.jpg", "夏.jpg"),
    "RFC 2231 in parts": (b"filename*0*=utf-8''%E5%A4; filename*1*=%8F.jpg", "夏.jpg"),
    "no quotes": (b"filename=a.jpg", "a.jpg"),
    "capitals": (b'FileName="A.jpg"', "A.jpg"),
    "Latin-1": ('filename="café.jpg"'.encode("latin-1"), "café.jpg"),
    "Shift-JIS": ('filename="ソート.jpg"'.encode("cp932"), "ソート.jpg"),
    "a Windows path": (rb'filename="C:\new\a.jpg"', r"C:\new\a.jpg"),
    "an empty name": (b'filename=""', ""),
    "no file": (b"", None),
}


@pytest.mark.parametrize(("parameters", "expected"), NAMES.values(), ids=NAMES)
def test_a_name_is_read_as_programs_write_it(parameters: bytes, expected: str | None) -> None:
    assert file_name(b'form-data; name="picture"; ' + parameters) == expected


def test_a_part_that_is_called_filename_is_no_file() -> None:
    assert file_name(b'form-data; name="filename"') is None


NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


@given(NAME)
def test_any_name_is_read_from_its_percent_encoding(name: str) -> None:
    assert file_name(f"form-data; name=p; filename*=UTF-8''{quote(name, safe='')}".encode()) == name


@given(NAME.filter(lambda name: not {'"', "\\", "%"} & set(name) and not name.startswith("=?")))
def test_any_name_is_read_from_quotes(name: str) -> None:
    assert file_name(f'form-data; name=p; filename="{name}"'.encode()) == name


@given(st.binary(max_size=200))
def test_no_header_is_an_error(header: bytes) -> None:
    assert isinstance(file_name(b"form-data; filename=" + header), str | None)
