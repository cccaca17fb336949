"""The CSV of a chart opens in a spreadsheet as numbers and texts; no name becomes a formula."""

from __future__ import annotations

import pandas as pd

from console.charts import csv_file


def test_names_are_no_formulas_and_numbers_stay_numbers() -> None:
    table = pd.DataFrame(
        {"tag": ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "red"], "=1+1": [-1.5, None, 2, 3, 4, 5]}
    )
    lines = csv_file(table).decode("utf-8-sig").splitlines()
    assert lines[0] == "tag,'=1+1"
    assert [line.split(",")[0] for line in lines[1:]] == ["'=HYPERLINK(1)", "'+1", "'-1", "'@x", "'\tx", "red"]
    assert lines[1].endswith(",-1.5")


def test_an_empty_table_is_its_heading() -> None:
    assert csv_file(pd.DataFrame({"tag": []})).decode("utf-8-sig") == "tag\n"
