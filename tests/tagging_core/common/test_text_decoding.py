"""Decoding of text files in the encodings that programs write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging_core.common.text_decoding import decode_text, decode_unicode
from tagging_core.errors import TextError

UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]
WORDS = ["Größe", "Übergröße", "Mädchen", "Café", "déjà", "mañana", "blåbær", "smörgås", "€", "“quoted”", "it’s"]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff\0")), st.sampled_from(UNICODE))
def test_unicode_comes_back_as_it_was_written(text: str, codec: str) -> None:
    assert decode_unicode(text.encode(codec)) == text
    assert decode_text(text.encode(codec)) == text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff\0")))
def test_utf_16_of_either_byte_order_is_read_with_a_mark(text: str) -> None:
    assert decode_text(b"\xff\xfe" + text.encode("utf-16-le")) == text
    assert decode_text(b"\xfe\xff" + text.encode("utf-16-be")) == text


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_a_table_in_utf_16_without_a_mark_is_read(codec: str) -> None:
    text = "name_en;name_zh\r\nDress;连衣裙\r\n"
    assert decode_text(text.encode(codec)) == text


@given(st.lists(st.sampled_from(WORDS), min_size=1), st.sampled_from(",;\t\n"))
def test_tables_saved_on_western_windows_are_read(words: list[str], separator: str) -> None:
    text = separator.join(["name_en", *words, "Dress"])
    assert decode_text(text.encode("cp1252")) == text


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("name_en,name_zh\r\nDress,连衣裙\r\n", "gbk"),
        ("红色;蓝色;牛仔裤;高腰", "gbk"),
        ("旗袍", "gbk"),
        ("name_en,name_ja\r\nDress,ワンピース\r\n", "cp932"),
        ("青い、赤いドレス。", "cp932"),
        ("人物,動物,風景", "cp932"),
    ],
)
def test_tables_saved_on_chinese_and_japanese_windows_are_read(text: str, codec: str) -> None:
    assert decode_text(text.encode(codec)) == text


@pytest.mark.parametrize(
    ("text", "codec"),
    [("платье;красный;синий", "cp1251"), ("φόρεμα;κόκκινο", "cp1253"), ("連衣裙;紅色;藍色", "big5")],
)
def test_other_encodings_are_refused_instead_of_misread(text: str, codec: str) -> None:
    with pytest.raises(TextError, match="Save the file as UTF-8"):
        decode_text(text.encode(codec))


@given(st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), min_size=1))
def test_utf_16_cut_after_half_a_character_is_refused(text: str) -> None:
    with pytest.raises(TextError, match="ends in the middle of a character"):
        decode_text((b"\xff\xfe" + text.encode("utf-16-le"))[:-1])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"\xff\xfea\0\n\0\x00\xd8b\0", "Line 2: byte 0x00 is not UTF-16", id="broken surrogate pair"),
        pytest.param(b"\xff\xfea\0\x3d\xd8", "ends in the middle of a character", id="half a surrogate pair"),
        pytest.param("cafés, crème, thé".encode()[:-1], "ends in the middle", id="cut UTF-8"),
        pytest.param("连衣裙\n红\n".encode().replace(b"\xba", b"\xff"), "Line 2: byte 0xe7", id="damaged UTF-8"),
        pytest.param(b"a\nb\x81\x81\xff\xff\xff", "Line 2: byte 0x81 is not UTF-8", id="in no encoding"),
    ],
)
def test_a_damaged_text_is_refused_with_its_line(data: bytes, message: str) -> None:
    with pytest.raises(TextError, match=message):
        decode_text(data)


def test_formats_defined_as_unicode_are_not_guessed() -> None:
    with pytest.raises(TextError, match=r"Line 2: byte 0xe9 is not UTF-8. Save the file as UTF-8"):
        decode_unicode("a\nCafé".encode("cp1252"))
