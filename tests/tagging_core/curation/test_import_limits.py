"""A file that takes too long or too much to read ends its own process, not the console."""

from __future__ import annotations

import time

import pytest

from tagging_core.curation import formats, import_process
from tagging_core.errors import ImportRefusedError
from tests.costs import cost

SKOS = b"@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n"


def refused(data: bytes, form: str) -> str:
    with pytest.raises(ImportRefusedError) as caught:
        import_process.read(data, form)
    return str(caught.value)


def test_a_file_is_read_as_in_this_process() -> None:
    found = import_process.read(SKOS + '<urn:a> a skos:Concept ; skos:prefLabel "été"@fr .'.encode(), "skos")
    assert [row.names for row in found.rows] == [{"fr": "été"}]
    assert found.unit == "concept"


def test_the_invalid_lines_of_a_file_are_listed() -> None:
    with pytest.raises(ImportRefusedError) as caught:
        import_process.read(b'{"tags": [{"names": {"en": "a"}, "category": 3}, {}]}', "json")
    assert caught.value.problems.keys() == {1, 2}
    assert caught.value.unit == "tag"


def test_a_file_that_takes_too_much_memory_is_refused() -> None:
    data = b"[" + b"[[[{}]]]," * 2_000_000 + b"1]"

    def read() -> None:
        assert "MB of memory to read. Import it in parts" in refused(data, "json")

    assert cost(read).megabytes < 100


def test_a_file_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_process, "MAX_SECONDS", 1)
    started = time.monotonic()
    lines = b"".join(b'<urn:%d> a skos:Concept ; skos:prefLabel "a"@en .\n' % n for n in range(300_000))
    assert "it takes more than 1 seconds or" in refused(SKOS + lines, "skos")
    assert time.monotonic() - started < 30


def test_a_file_that_is_too_large_is_not_read_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_process, "MAX_BYTES", 10)
    assert "the limit is 0 MB. Import it in parts" in refused(bytes(11), "csv")


@pytest.mark.parametrize("form", ["json", "skos"])
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"tags": ' * 50_000, "nested too deeply"),
        ('{"tags": [%s]}' % ("9" * 6_000), "too many digits"),
        ('{"tags": [{"names": {"en": "\\ud800"}}]}', "half of a character"),
        ('{"tags": [{"names": {"en": "\\udc00\\ud800"}}]}', "half of a character"),
    ],
)
def test_json_that_breaks_parsers_is_refused_with_a_word(form: str, text: str, problem: str) -> None:
    with pytest.raises(ImportRefusedError, match=problem):
        formats.read(text.encode(), form)


def test_a_target_with_hundreds_of_digits_is_refused() -> None:
    data = b'{"tags": [{"category_id": "a", "names": {"en": "a"}, "target": %s}]}' % (b"9" * 400)
    assert "must be a number from 0.5" in refused(data, "json")
