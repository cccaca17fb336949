"""Tag lists of spreadsheet programs: the dialects are those of `read_table`, the values are here."""

from __future__ import annotations

import json

import pytest

from tagging_core import Tagloop
from tagging_core.curation.plans import Plan
from tagging_core.errors import ImportRefusedError


def read(loop: Tagloop, data: bytes, form: str = "csv") -> Plan:
    return loop.curation.read_import(data, form).plan


@pytest.mark.parametrize("target", ["0.97", "0,97", "97%", "97,0 %"])
def test_a_target_has_a_decimal_point_a_comma_or_a_percent_sign(loop: Tagloop, target: str) -> None:
    plan = read(loop, f"name_en;category;target\r\nKilt;garment;{target}\r\n".encode())
    assert [tag.target for tag in plan.tags] == [0.97]


def test_no_category_is_added_beside_one_that_looks_the_same(loop: Tagloop) -> None:
    plan = read(loop, "name_en,category\nKilt,gar\0ment\u200b\n".encode())
    assert (plan.categories, [tag.category_id for tag in plan.tags]) == ([], ["garment"])
    data = json.dumps({"tags": [{"names": {"en": "Kilt"}, "category_id": "garment\0"}]})
    with pytest.raises(ImportRefusedError, match=r"tag 1: the category .* has characters that cannot be seen"):
        read(loop, data.encode(), "json")


def test_bad_values_name_line_column_and_what_was_expected(loop: Tagloop) -> None:
    header = "Name_EN;Category;Target;Sensitive;State"
    rows = [header, "Kilt;garment;2,5", "Sari;garment;;perhaps", "Toga;garment;;;odd"]
    with pytest.raises(ImportRefusedError) as caught:
        read(loop, "\n".join(rows).encode())
    assert caught.value.problems == {
        2: "'target' must be a number from 0.5 to below 1, such as 0.97, not '2,5'",
        3: "'sensitive' is 'perhaps'; expected yes or no (or 1 or 0, TRUE or FALSE)",
        4: "unknown state 'odd'; expected one of active, proposed, deprecated, merged",
    }
