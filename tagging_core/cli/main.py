"""The command line: `python -m tagging_core`."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tagging_core.app import doctor
from tagging_core.app.tagloop import Tagloop
from tagging_core.assets import repository
from tagging_core.cli.commands import SERVING, add_commands, restore_backup, say
from tagging_core.common import log_context
from tagging_core.common.users import local_user
from tagging_core.errors import BusyError, TaggingError
from tagging_core.ingest import batches
from tagging_core.ledger.events import Kind
from tagging_core.publishing.decision_csv import read_decisions
from tagging_core.review.decision_groups import DecisionGroup
from tagging_core.review.decisions import Decision
from tagging_core.settings import load_settings

_POLL_SECONDS = 0.05
_SHOW_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, or 1 after an error that was told on standard error, or 2 where `doctor` found something wrong.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        settings = load_settings()
        if options.run in SERVING:
            log_context.configure(settings.log_json)
        if options.run is restore_backup:
            return restore_backup(settings, options)  # a Tagloop would fill the database that is to be empty
        loop = Tagloop(settings)
        try:
            return options.run(loop, options)
        finally:
            loop.close()
    except TaggingError as error:
        print(json.dumps({"error": str(error)}) if options.json else f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; what was done is kept.", file=sys.stderr)
        return 130


def _ingest(loop: Tagloop, options: argparse.Namespace) -> int:
    started = time.perf_counter()
    batch_id = loop.ingest.ingest_paths(local_user(options.user), options.paths, options.profile)
    with _working(loop):
        _wait(loop, batch_id, quiet=options.json)
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
    say(options, {"event": event_id}, [f"Written as event {event_id}; take it back with `undo {event_id}`."])
    return 0


def _undo(loop: Tagloop, options: argparse.Namespace) -> int:
    user = local_user(options.user)
    if options.by:
        until = options.until or datetime.now(UTC)
        act = loop.review.undo_period(user, options.by, _utc(options.since), _utc(until))
    elif options.what.isdigit():
        event_id = loop.review.undo(user, int(options.what))
        say(options, {"event": event_id}, [f"Event {options.what} was taken back by event {event_id}."])
        return 0
    else:
        act = loop.review.undo_group(user, options.what)
    say(options, {"act": act.id, "events": act.event_ids}, [_told(act, "taken back")])
    return 0


def _teach(loop: Tagloop, options: argparse.Namespace) -> int:
    with loop.database.read() as connection:
        decisions = read_decisions(connection, options.file, options.profile)
    act = loop.review.decide_many(local_user(options.user), decisions)
    say(options, {"act": act.id, "events": act.event_ids}, [_told(act, "written")])
    return 0


def _why(loop: Tagloop, options: argparse.Namespace) -> int:
    with loop.database.read() as connection:
        asset = repository.resolve(connection, options.asset)
    loop.model.library.settle()
    found = loop.review.explain(asset.id, options.tag)
    lines = [
        f"{found.probability:.1%}: text {found.text_logit:+.2f}, decisions {found.examples_logit:+.2f}",
        *(
            f"{e.logit:+.2f}  picture {e.asset_id}, {'has it' if e.applies else 'has it not'}"
            for e in found.evidence
        ),
    ]
    say(options, {"asset": asset.id} | asdict(found), lines)
    return 0


def _promise(loop: Tagloop, options: argparse.Namespace) -> int:
    loop.model.library.settle()
    found = loop.review.thresholds(options.profile, options.target)
    taxonomy = loop.taxonomy()
    cuts = {"all tags": found.pooled} | {taxonomy.tags[t].name(): cut for t, cut in found.tags.items()}
    lines = [
        f"{name}: {cut.reason}"
        if cut.probability is None
        else f"{name}: from {cut.probability:.1%} on; {cut.right} of {cut.accepted} judged ones are right"
        for name, cut in cuts.items()
    ]
    say(options, asdict(found), lines)
    return 0


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _told(act: DecisionGroup, what: str) -> str:
    return f"{len(act.event_ids)} decisions {what} as act {act.id}; take that back with `undo {act.id}`."


def _rebuild(loop: Tagloop, options: argparse.Namespace) -> int:
    started = time.perf_counter()
    tell = (lambda text: None) if options.json else (lambda text: print(f"{text} ...", file=sys.stderr))
    replayed = loop.rebuild(local_user(options.user), tell)
    with _working(loop):
        tell("filling Chroma")
        _until_fed(loop)
    seconds = round(time.perf_counter() - started, 2)
    line = f"{replayed} events replayed in {seconds} s; tags and Chroma are made anew."
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
def _working(loop: Tagloop) -> Iterator[None]:
    """Run the worker here, unless a console on the same data runs it already."""
    with contextlib.suppress(BusyError):
        loop.start()
    yield


def _wait(loop: Tagloop, batch_id: int, quiet: bool) -> None:
    shown = time.monotonic()
    while (batch := loop.ingest.batch(batch_id)).state == "running":
        if not quiet and time.monotonic() - shown >= _SHOW_SECONDS:
            shown = time.monotonic()
            left = "" if batch.seconds_left is None else f", {batch.seconds_left:.0f} s left"
            print(f"{batch.finished} of {batch.total}, {batch.rate:.1f} a second{left}", file=sys.stderr)
        if loop.worker is not None and loop.worker.trouble:
            raise TaggingError(loop.worker.trouble)
        time.sleep(_POLL_SECONDS)


def _until_fed(loop: Tagloop) -> None:
    while loop.resources.index.pending():
        if loop.worker is not None and loop.worker.trouble:
            raise TaggingError(loop.worker.trouble)
        time.sleep(_POLL_SECONDS)


def _refused(loop: Tagloop, batch_id: int) -> list[dict[str, str]]:
    with loop.database.read() as connection:
        found = batches.refused_sources(connection, batch_id)
    return [{"path": path, "reason": reason} for path, reason in found]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tagging_core", description="Tagloop without its console.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="one line of JSON in place of text")
    common.add_argument("--user", default=getpass.getuser(), help="who acts; you if left out")
    profile = argparse.ArgumentParser(add_help=False)
    profile.add_argument("--profile", default="general", help="the business type; general if left out")

    ingest = commands.add_parser("ingest", parents=[common, profile], help="take files, folders and zips in")
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    ingest.set_defaults(run=_ingest)

    suggest = commands.add_parser("suggest", parents=[common, profile], help="show a picture's suggestions")
    suggest.add_argument("asset", help="id, or 8 or more digits of the SHA-256")
    suggest.set_defaults(run=_suggest)

    decide = commands.add_parser("decide", parents=[common, profile], help="write a decision about a picture")
    decide.add_argument("asset", help="id, or 8 or more digits of the SHA-256")
    decide.add_argument("kind", choices=["accept", "reject", "add", "replace", "done", "skip", "flag"])
    decide.add_argument("tag", nargs="?", help="tag id")
    decide.add_argument("other", nargs="?", help="replace: the tag that comes instead")
    decide.add_argument("--note", default="", help="flag: what is to be discussed")
    decide.set_defaults(run=_decide)

    undo = commands.add_parser("undo", parents=[common], help="take a decision, an act or a person's work back")
    group = undo.add_mutually_exclusive_group(required=True)
    group.add_argument(
        "what", nargs="?", default="", metavar="EVENT|ACT", help="number of a decision, or id of an act"
    )
    group.add_argument("--by", metavar="NAME", help="all that this person decided in a period")
    undo.add_argument(
        "--since", type=datetime.fromisoformat, default=datetime.min, help="2026-11-24T13:00; local time"
    )
    undo.add_argument("--until", type=datetime.fromisoformat, help="now if left out")
    undo.set_defaults(run=_undo)

    teach = commands.add_parser(
        "teach", parents=[common, profile], help="import decisions made elsewhere, as one act"
    )
    teach.add_argument("file", type=Path, help="CSV with the columns asset, tag, applies (1 or 0)")
    teach.set_defaults(run=_teach)

    why = commands.add_parser("why", parents=[common], help="say which decisions carry a tag's probability")
    why.add_argument("asset", help="id, or 8 or more digits of the SHA-256")
    why.add_argument("tag")
    why.set_defaults(run=_why)

    promise = commands.add_parser(
        "promise", parents=[common, profile], help="from where on tags may be accepted unseen"
    )
    promise.add_argument("target", type=float, help="wanted share of right ones, such as 0.97")
    promise.set_defaults(run=_promise)

    rebuild = commands.add_parser("rebuild", parents=[common], help="make all that is learned anew from the ledger")
    rebuild.set_defaults(run=_rebuild)

    add_commands(commands, common)

    check = commands.add_parser("doctor", parents=[common], help="say what state the installation is in")
    check.set_defaults(run=_doctor)
    return parser
