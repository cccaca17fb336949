from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tagging_core import Tagloop, User
from tagging_core.cli.main import main
from tests.conftest import BLUE, RED, ingest, photo, wait_for


@pytest.fixture
def photos(data_dir: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(photo(RED))
    (folder / "b.jpg").write_bytes(photo(BLUE))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no")
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_ingest_ends_with_one_line_of_json(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, summary = run(capsys, "ingest", str(photos), "--profile", "e-commerce")
    assert code == 0
    assert set(summary) == {"seen", "ingested", "known", "refused", "seconds"}
    assert (summary["seen"], summary["ingested"], summary["known"]) == (3, 2, 0)
    (refused,) = summary["refused"]
    assert refused["path"] == str(photos / "broken.jpg")
    assert "damaged" in refused["reason"] or "Not a picture" in refused["reason"]
    _, again = run(capsys, "ingest", str(photos))
    assert (again["ingested"], again["known"]) == (0, 2)


def test_suggest_decide_undo(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "ingest", str(photos), "--profile", "e-commerce")
    _, before = run(capsys, "suggest", "1", "--profile", "e-commerce")
    assert before["suggestions"][0]["probability"] >= before["suggestions"][-1]["probability"]
    _, written = run(capsys, "decide", "1", "reject", before["suggestions"][0]["tag_id"], "--profile", "e-commerce")
    _, after = run(capsys, "suggest", before["sha256"][:12], "--profile", "e-commerce")
    rejected = before["suggestions"][0]["tag_id"]
    assert rejected not in {s["tag_id"] for s in after["suggestions"]}
    run(capsys, "undo", str(written["event"]))
    _, restored = run(capsys, "suggest", "1", "--profile", "e-commerce")
    assert rejected in {s["tag_id"] for s in restored["suggestions"]}


def test_decisions_are_imported_explained_and_undone(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "ingest", str(photos), "--profile", "e-commerce")
    file = tmp_path / "decisions.csv"
    file.write_text("asset,tag,applies\n1,scene.beach,1\n2,scene.beach,0\n", "utf-8")
    _, before = run(capsys, "why", "1", "scene.beach")
    _, written = run(capsys, "teach", str(file))
    assert len(written["events"]) == 2
    _, after = run(capsys, "why", "1", "scene.beach")
    assert [e["asset_id"] for e in after["evidence"]] == [2]
    assert before["evidence"] == []
    run(capsys, "undo", written["act"])
    _, restored = run(capsys, "why", "1", "scene.beach")
    assert restored == before
    _, again = run(capsys, "teach", str(file), "--user", "Bob")
    _, undone = run(capsys, "undo", "--by", "Bob", "--since", "2026-01-01T00:00")
    assert len(undone["events"]) == len(again["events"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("asset,tag,applies\n1,scene.beach,maybe\n", "line 2: needs asset, tag and applies"),
        ("asset,tag,applies\n1,scene.beach,1\n77,scene.beach,1\n", "line 3: There is no picture"),
        ("asset,tag,applies\n", "no rows"),
    ],
)
def test_a_bad_line_is_reported_and_nothing_is_written(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    run(capsys, "ingest", str(photos))
    (tmp_path / "d.csv").write_text(text, "utf-8")
    assert main(["teach", str(tmp_path / "d.csv")]) == 1
    assert message in capsys.readouterr().err
    _, found = run(capsys, "why", "1", "scene.beach")
    assert found["evidence"] == []


def test_a_promise_that_cannot_be_made_is_explained(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "ingest", str(photos))
    _, found = run(capsys, "promise", "0.97")
    assert "Not enough history" in found["pooled"]["reason"]
    assert main(["promise", "97"]) == 1
    assert "between 0 and 1" in capsys.readouterr().err


def test_rebuild_and_doctor(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "ingest", str(photos))
    _, shown = run(capsys, "suggest", "1")
    run(capsys, "decide", "1", "accept", shown["suggestions"][0]["tag_id"])
    _, rebuilt = run(capsys, "rebuild")
    assert rebuilt["events"] == 1
    code, report = run(capsys, "doctor")
    assert (code, report["ok"]) == (0, True)
    assert {"versions", "counts", "database", "ledger", "archive", "learning", "chroma"} <= {
        f["what"] for f in report["findings"]
    }


def test_doctor_reports_problems_with_remedies(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "ingest", str(photos))
    run(capsys, "decide", "1", "accept", "garment.dress")
    loop = Tagloop()
    with loop.database.write() as connection:
        connection.exec_driver_sql("delete from labels")
    loop.resources.blobs.remove(next(loop.resources.blobs.older_than("archive/thumbnails", 0.0)))
    loop.close()
    code, report = run(capsys, "doctor")
    wrong = {f["what"]: f["remedy"] for f in report["findings"] if not f["ok"]}
    assert code == 2
    assert "rebuild" in wrong["ledger"]
    assert "Ingest the originals again" in wrong["archive"]
    run(capsys, "rebuild")
    run(capsys, "ingest", str(photos))
    assert run(capsys, "doctor")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ingest", "/no/such/folder"], "/no/such/folder does not exist"),
        (["ingest", ".", "--profile", "nope"], "no profile 'nope'"),
        (["suggest", "77"], "no picture 77"),
        (["suggest", "abcdef"], "8 or more digits"),
        (["decide", "77", "accept", "garment.dress"], "no picture 77"),
        (["undo", "77"], "no decision 77"),
    ],
)
def test_errors_print_a_plain_message(
    data_dir: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 1
    assert message in capsys.readouterr().err


def test_commands_work_beside_a_running_console(
    embedded: None, working: Tagloop, ann: User, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest(working, ann, (1, 2, 3))
    _, summary = run(capsys, "ingest", str(photos))
    assert summary["ingested"] == 2
    _, report = run(capsys, "doctor")
    assert "running console" in next(f["detail"] for f in report["findings"] if f["what"] == "chroma")
    wait_for(lambda: not working.model.library.pending() and not working.resources.index.feeder.pending())
    assert run(capsys, "doctor")[0] == 0


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TAGLOOP_INGEST_THREADS", "many")
    assert main(["doctor"]) == 1
    assert "TAGLOOP_INGEST_THREADS='many'" in capsys.readouterr().err


def test_the_module_runs(data_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tagging_core", "--help"], capture_output=True, text=True, check=True
    )
    for name in ("ingest", "suggest", "decide", "rebuild", "doctor"):
        assert name in done.stdout


def test_search_prints_probabilities_of_likely_matches_only(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "ingest", str(photos), "--profile", "e-commerce")
    run(capsys, "rebuild")  # waits for the search index
    main(["search", "dress"])
    heading, *closest = capsys.readouterr().out.splitlines()
    assert heading == "No picture is a likely match. These come closest, best first:"
    assert sorted(line.split()[0] for line in closest) == ["1", "2"]
    run(capsys, "decide", "1", "add", "garment.dress", "--profile", "e-commerce")
    main(["search", "dress"])
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [["100.0%", "1"]]
