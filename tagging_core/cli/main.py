"""The command line: `python -m tagging_core`."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tagging_core.app import doctor
from tagging_core.app.tagloop import Tagloop
from tagging_core.assets import repository
from tagging_core.cli.commands import SERVING, add_commands, restore_backup
from tagging_core.cli.output import say, say_error, say_group
from tagging_core.common import log_context
from tagging_core.common.users import local_user
from tagging_core.errors import BusyError, TaggingError
from tagging_core.ingest import batches
from tagging_core.ledger.events import Kind
from tagging_core.publishing.decision_csv import read_decisions
from tagging_core.review.decisions import Decision
from tagging_core.settings import PRIVATE, load_settings

_POLL_SECONDS = 0.05
_PROGRESS_SECONDS = 1.0
_MAX_ID_DIGITS = 19  # of a database; longer digits can only be those of a group


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Command and options, without the program name; None for `sys.argv`. If invalid, exits with 2.

    Returns:
        The exit code: 0, 1 after an error printed to stderr, 2 if `doctor` found a problem, 130 if interrupted.
    """
    options = _parser().parse_args(arguments)
    os.umask(PRIVATE)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        settings = load_settings()
        if options.run in SERVING:
            log_context.configure(settings.log_json)
        if options.run is restore_backup:
            return int(options.run(settings, options))  # a Tagloop would write to the empty database
        loop = Tagloop(settings)
        try:
            return int(options.run(loop, options))
        finally:
            loop.close()
    except (TaggingError, OSError) as error:
        say_error(options, error)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; finished work is kept.", file=sys.stderr)
        return 130


def _ingest(loop: Tagloop, options: argparse.Namespace) -> int:
    started = time.perf_counter()
    batch_id = loop.ingest.ingest_paths(local_user(options.user), options.paths, options.profile)
    with _worker_running(loop):
        _wait_for_batch(loop, batch_id, quiet=options.json)
    batch = loop.ingest.batch(batch_id)
    summary = {
        "seen": batch.total,
        "ingested": batch.ingested,
        "known": batch.known,
        "refused": _refused(loop, batch_id),
        "seconds": round(time.perf_counter() - started, 2),
    }
    if options.json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        for entry in _refused(loop, batch_id):
            print(f"refused  {entry['path']}: {entry['reason']}")
        print(
            f"{batch.total} seen, {batch.ingested} ingested, {batch.known} known, "
            f"{batch.refused} refused in {summary['seconds']} s (batch {batch_id})"
        )
    if batch.state != "done":
        raise TaggingError(f"Batch {batch_id} stopped: {batch.note}")
    return 0


def _suggest(loop: Tagloop, options: argparse.Namespace) -> int:
    with loop.database.read() as connection:
        asset = repository.resolve(connection, options.asset)
    loop.model.library.settle()
    taxonomy = loop.taxonomy()
    found = loop.review.suggest(asset.id, options.profile)
    rows = [asdict(s) | {"name": taxonomy.tags[s.tag_id].name()} for s in found]
    lines = [f"{s['probability']:6.1%}  {s['name']}  ({s['tag_id']})" for s in rows]
    say(options, {"asset": asset.id, "sha256": asset.sha256, "suggestions": rows}, lines)
    return 0


def _decide(loop: Tagloop, options: argparse.Namespace) -> int:
    with loop.database.read() as connection:
        asset = repository.resolve(connection, options.asset)
    user = local_user(options.user)
    decision = Decision(
        Kind(options.kind), asset.id, options.tag, options.other, options.profile, note=options.note
    )
    event_id = loop.review.decide(user, decision)
    say(options, {"event": event_id}, [f"Recorded as event {event_id}; undo it with `undo {event_id}`."])
    return 0


def _undo(loop: Tagloop, options: argparse.Namespace) -> int:
    user = local_user(options.user)
    if options.by:
        until = options.until or datetime.now(UTC)
        group = loop.review.undo_period(user, options.by, _utc(options.since), until=_utc(until))
    elif options.what.isdecimal() and len(options.what) < _MAX_ID_DIGITS:
        event_id = loop.review.undo(user, int(options.what))
        say(options, {"event": event_id}, [f"Event {event_id} undid event {options.what}."])
        return 0
    else:
        group = loop.review.undo_group(user, options.what)
    say_group(options, group, "undone")
    return 0


def _import_decisions(loop: Tagloop, options: argparse.Namespace) -> int:
    with loop.database.read() as connection:
        decisions = read_decisions(connection, options.file, options.profile)
    say_group(options, loop.review.decide_many(local_user(options.user), decisions), "recorded")
    return 0


def _why(loop: Tagloop, options: argparse.Namespace) -> int:
    with loop.database.read() as connection:
        asset = repository.resolve(connection, options.asset)
    loop.model.library.settle()
    found = loop.review.explain(asset.id, options.tag)
    start = f"learned before delivery from {found.photos:,} photos" if found.photos else "text"
    lines = [f"{found.probability:.1%}: {start} {found.prior_logit:+.2f}, decisions {found.examples_logit:+.2f}"]
    verdicts = {True: "tag applies", False: "tag does not apply"}
    lines += [f"{e.logit:+.2f}  picture {e.asset_id}, {verdicts[e.applies]}" for e in found.evidence]
    say(options, {"asset": asset.id} | asdict(found), lines)
    return 0


def _thresholds(loop: Tagloop, options: argparse.Namespace) -> int:
    loop.model.library.settle()
    found = loop.review.thresholds(options.profile, options.target)
    taxonomy = loop.taxonomy()
    cuts = {"all tags": found.pooled} | {taxonomy.tags[t].name(): cut for t, cut in found.tags.items()}
    lines = [
        f"{name}: {cut.reason}"
        if cut.probability is None
        else f"{name}: from {cut.probability:.1%}; {cut.right} of {cut.accepted} reviewed suggestions are right"
        for name, cut in cuts.items()
    ]
    say(options, asdict(found), lines)
    return 0


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _rebuild(loop: Tagloop, options: argparse.Namespace) -> int:
    started = time.perf_counter()
    progress = (lambda text: None) if options.json else (lambda text: print(f"{text} ...", file=sys.stderr))
    replayed = loop.rebuild(local_user(options.user), progress)
    with _worker_running(loop):
        progress("indexing")  # type: ignore[no-untyped-call]
        _wait_for_index(loop)
    seconds = round(time.perf_counter() - started, 2)
    line = f"{replayed} events replayed in {seconds} s; tags and search index are rebuilt."
    say(options, {"events": replayed, "seconds": seconds}, [line])
    return 0


def _doctor(loop: Tagloop, options: argparse.Namespace) -> int:
    findings = doctor.examine(loop)
    healthy = all(finding.ok for finding in findings)
    lines = [
        f"ok     {f.what}: {f.detail}" if f.ok else f"WRONG  {f.what}: {f.detail}  -> {f.remedy}" for f in findings
    ]
    say(options, {"ok": healthy, "findings": [asdict(f) for f in findings]}, lines)
    return 0 if healthy else 2


@contextlib.contextmanager
def _worker_running(loop: Tagloop) -> Iterator[None]:
    """Run the worker in this process, unless a console on the same data folder already does."""
    with contextlib.suppress(BusyError):
        loop.start()
    yield


def _wait_for_batch(loop: Tagloop, batch_id: int, quiet: bool) -> None:
    printed = time.monotonic()
    while (batch := loop.ingest.batch(batch_id)).state == "running":
        if not quiet and time.monotonic() - printed >= _PROGRESS_SECONDS:
            printed = time.monotonic()
            left = "" if batch.seconds_left is None else f", {batch.seconds_left:.0f} s left"
            print(f"{batch.finished} of {batch.total}, {batch.rate:.1f} per second{left}", file=sys.stderr)
        if loop.worker is not None and loop.worker.trouble:
            raise TaggingError(loop.worker.trouble)
        time.sleep(_POLL_SECONDS)


def _wait_for_index(loop: Tagloop) -> None:
    while loop.resources.index.feeder.pending():
        if loop.worker is not None and loop.worker.trouble:
            raise TaggingError(loop.worker.trouble)
        time.sleep(_POLL_SECONDS)


def _refused(loop: Tagloop, batch_id: int) -> list[dict[str, str]]:
    with loop.database.read() as connection:
        found = batches.refused_sources(connection, batch_id)
    return [{"path": path, "reason": reason} for path, reason in found]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tagging_core", description="Run Tagloop from the command line."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one line of JSON instead of text")
    common.add_argument("--user", default=getpass.getuser(), help="name to record (default: your login name)")
    profile = argparse.ArgumentParser(add_help=False)
    profile.add_argument("--profile", default="general", help="business type (default: general)")

    ingest = commands.add_parser("ingest", parents=[common, profile], help="ingest files, folders and zips")
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    ingest.set_defaults(run=_ingest)

    suggest = commands.add_parser("suggest", parents=[common, profile], help="suggest tags for a picture")
    suggest.add_argument("asset", help="picture id, or at least the first 8 digits of its SHA-256")
    suggest.set_defaults(run=_suggest)

    decide = commands.add_parser("decide", parents=[common, profile], help="record a decision about a picture")
    decide.add_argument("asset", help="picture id, or at least the first 8 digits of its SHA-256")
    decide.add_argument("kind", choices=["accept", "reject", "add", "replace", "done", "skip", "flag"])
    decide.add_argument("tag", nargs="?", help="tag id")
    decide.add_argument("other", nargs="?", help="for replace: id of the new tag")
    decide.add_argument("--note", default="", help="for flag: what to discuss")
    decide.set_defaults(run=_decide)

    undo = commands.add_parser("undo", parents=[common], help="undo a decision, a group or a person's work")
    group = undo.add_mutually_exclusive_group(required=True)
    group.add_argument(
        "what", nargs="?", default="", metavar="EVENT|GROUP", help="id of an event or of a decision group"
    )
    group.add_argument("--by", metavar="NAME", help="undo all decisions of this person in a period")
    undo.add_argument(
        "--since",
        type=datetime.fromisoformat,
        default=datetime(1970, 1, 2),
        help="start, local time, such as 2026-11-24T13:00",
    )
    undo.add_argument("--until", type=datetime.fromisoformat, help="end (default: now)")
    undo.set_defaults(run=_undo)

    teach = commands.add_parser(
        "teach", parents=[common, profile], help="import decisions from a CSV file, as one group"
    )
    teach.add_argument("file", type=Path, help="CSV file with the columns asset, tag and applies (1 or 0)")
    teach.set_defaults(run=_import_decisions)

    why = commands.add_parser("why", parents=[common], help="explain a tag's probability by past decisions")
    why.add_argument("asset", help="picture id, or at least the first 8 digits of its SHA-256")
    why.add_argument("tag", help="tag id")
    why.set_defaults(run=_why)

    promise = commands.add_parser(
        "promise", parents=[common, profile], help="show the probability thresholds for a target precision"
    )
    promise.add_argument("target", type=float, help="target precision, such as 0.97")
    promise.set_defaults(run=_thresholds)

    rebuild = commands.add_parser("rebuild", parents=[common], help="rebuild everything derived from the ledger")
    rebuild.set_defaults(run=_rebuild)

    add_commands(commands, common)

    check = commands.add_parser("doctor", parents=[common], help="check the installation and suggest remedies")
    check.set_defaults(run=_doctor)
    return parser
