from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging_core.common.encodings import decode_name, decode_names, decode_text

NAMES = {
    "cp932": [
        "ソート.jpg",
        "表示.jpg",
        "予定.jpg",
        "能力.png",
        "写真.jpg",
        "夏休み 海.jpg",
        "ソ.jpg",
        "噂.jpg",
        "さくら.jpg",
    ],
    "gbk": ["夏天.jpg", "照片.jpg", "北京故宫的雪景.jpg", "新建文件夹/图片1.jpg", "连衣裙.png", "副本.jpg"],
    "big5": ["臺北夜景.jpg", "連衣裙.png", "許功蓋.jpg"],
    "cp949": ["가방.jpg", "사진.jpg", "서울 야경.jpg"],
    "cp437": ["Café.jpg", "München.jpg", "mañana.jpg", "garçon à la plage.jpg", "Übergröße.jpg", "Straße.jpg"],
    "cp850": ["São João.jpg", "Ærø.jpg", "smørrebrød.jpg", "Übergröße.jpg"],
    "cp1252": ["Café.jpg", "Übergröße.jpg", "mañana.jpg", "Crème brûlée – dessert.jpg", "l’été.jpg", "œuvre.jpg"],
    "cp866": ["Грудень.jpg", "Фото.jpg", "Красное платье.jpg"],
    "cp1251": ["Грудень.jpg", "Фото.jpg", "Красное платье.jpg"],
}
SHORT = [(encoding, name) for encoding, names in NAMES.items() for name in names]


@pytest.mark.parametrize(("encoding", "name"), SHORT)
def test_a_short_name_is_read_in_the_encoding_of_its_language(encoding: str, name: str) -> None:
    assert decode_name(name.encode(encoding)) == name


@pytest.mark.parametrize("encoding", NAMES)
def test_names_written_together_share_an_encoding(encoding: str) -> None:
    names = [*NAMES[encoding], "plain.jpg"]
    assert decode_names([name.encode(encoding) for name in names]) == names


@given(st.lists(st.text()))
def test_utf_8_is_always_recognized(names: list[str]) -> None:
    assert decode_names([name.encode() for name in names]) == names


@given(st.lists(st.binary(max_size=12)))
def test_no_name_is_undecodable(names: list[bytes]) -> None:
    assert len(decode_names(names)) == len(names)


@given(st.binary())
def test_no_text_is_undecodable(data: bytes) -> None:
    assert isinstance(decode_text(data), str)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_unicode_text_is_read_with_and_without_its_mark(encoding: str) -> None:
    text = "Rotes Kleid – 连衣裙\nfür den Sommer"
    assert decode_text(text.encode(encoding)) == text


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
    st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]),
)
def test_a_mark_decides(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Übergröße für “Köln”\nEin Mädchen im grünen Kleid, 25 €"),
        ("cp1252", "L’été à la plage\nCrème brûlée"),
        ("gbk", "红色连衣裙\n夏季新款，适合海边度假"),
        ("cp932", "赤いドレス\n夏の新作です。表示は税込です。"),
        ("big5", "紅色連衣裙\n夏季新款，適合海邊度假"),
        ("cp949", "빨간 드레스\n여름 신상품입니다"),
        ("cp1251", "Красное платье\nНа лето"),
    ],
)
def test_a_legacy_text_is_read(encoding: str, text: str) -> None:
    assert decode_text(text.encode(encoding)) == text


def test_a_text_that_is_cut_within_a_character_or_slightly_damaged_stays_utf_8() -> None:
    data = "夏天的红色连衣裙适合海边度假".encode()
    assert decode_text(data[:-1]) == "夏天的红色连衣裙适合海边度"
    assert decode_text(data[:3] + b"\xff" + data[3:]).replace("\ufffd", "") == data.decode()


@pytest.mark.parametrize("text", ["A\0red thing", "\0", "rotes\0Kleid, größer", "连衣裙\0"])
def test_a_stray_zero_does_not_make_a_text_utf_16(text: str) -> None:
    assert decode_text(text.encode()) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_chinese_in_utf_16_without_a_mark_is_known_by_its_line_breaks(encoding: str) -> None:
    text = "红色连衣裙\n海边的夏天\n模特在沙滩上散步。"
    assert decode_text(text.encode(encoding)) == text
