"""Commands for integration and operation: service, workers, exports, backups, models."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prometheus_client import start_http_server

from tagging_core.api import Operations
from tagging_core.app import backups, prometheus
from tagging_core.app.tagloop import Tagloop
from tagging_core.cli.arguments import MAX_PORT, whole_number
from tagging_core.cli.key_commands import add_key_commands
from tagging_core.cli.output import say, say_group
from tagging_core.cli.starter_commands import add_starter_commands
from tagging_core.common.text_decoding import decode_unicode
from tagging_core.common.users import local_user
from tagging_core.errors import BusyError, SourceError, TaggingError
from tagging_core.ingest.folder_watch import appearing
from tagging_core.publishing import schemas
from tagging_core.publishing.exports import label_studio
from tagging_core.publishing.exports.exporter import Format
from tagging_core.publishing.exports.tables import USUAL
from tagging_core.settings import Settings
from tagging_core.storage import Database
from tagging_core.storage.blobs import open_blobs

_INDEX_SECONDS = 60.0  # that `search` waits for the index
_INDEXING = "The search index is being filled, so pictures may be missing. Search again in a minute."


def add_commands(commands: argparse._SubParsersAction[Any], common: argparse.ArgumentParser) -> None:
    """Add the commands of this module to the parser."""
    add_key_commands(commands, common)
    add_starter_commands(commands, common)

    serve = commands.add_parser("serve", parents=[common], help="run the REST service without the console")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=whole_number(1, MAX_PORT), default=8600)
    serve.set_defaults(run=_serve)

    work = commands.add_parser("work", help="run a worker for the queue; start as many as you need")
    work.add_argument(
        "--metrics-port", type=whole_number(0, MAX_PORT), default=0, help="port for Prometheus (default: none)"
    )
    work.add_argument("--metrics-host", default="127.0.0.1")
    work.set_defaults(run=_work, json=False)

    watch = commands.add_parser("watch", parents=[common], help="ingest new files of a folder as they appear")
    watch.add_argument("folder", type=Path)
    watch.add_argument("--profile", default="general", help="business type (default: general)")
    watch.set_defaults(run=_watch)

    search = commands.add_parser(
        "search", parents=[common], help="search pictures by text, while no console is running"
    )
    search.add_argument("text")
    search.add_argument("--limit", type=whole_number(1), default=20)
    search.set_defaults(run=_search)

    export = commands.add_parser("export", parents=[common], help="export decisions to a file")
    export.add_argument("file", type=Path)
    export.add_argument("--format", default="csv", choices=list(Format))
    export.add_argument("--columns", default=",".join(USUAL), help="columns of a CSV file, comma-separated")
    export.add_argument("--state", default=None, choices=["new", "second", "skipped", "flagged", "done"])
    export.add_argument("--batch", type=whole_number(), default=None)
    export.add_argument("--language", default="en", choices=["en", "zh"])
    export.add_argument("--image", default="{name}", help="image URL for Label Studio; may contain {id}, {name}")
    export.set_defaults(run=_export)

    backup = commands.add_parser("backup", parents=[common], help="back up the whole installation to a zip file")
    backup.add_argument("file", type=Path)
    backup.add_argument(
        "--without-pictures",
        action="store_true",
        help="exclude picture files",
    )
    backup.set_defaults(run=_back_up)

    restore = commands.add_parser("restore", parents=[common], help="restore a backup into an empty installation")
    restore.add_argument("file", type=Path)
    restore.set_defaults(run=restore_backup)

    model = commands.add_parser("model", help="list, build, activate and drop models")
    what = model.add_subparsers(required=True, metavar="ACTION")
    listed = what.add_parser("list", parents=[common], help="list models and their build progress")
    listed.set_defaults(run=_list_models)
    for action, text in _MODEL_ACTIONS.items():
        parser = what.add_parser(action, parents=[common], help=text)
        parser.add_argument(
            "name",
            help="preset, folder or hub id" if action == "build" else "fingerprint, see `model list`",
        )
        parser.set_defaults(run=_change_model, action=action)

    annotated = commands.add_parser("label-studio", parents=[common], help="import annotations from Label Studio")
    annotated.add_argument("file", type=Path, help="JSON export of Label Studio")
    annotated.add_argument("--profile", default="general", help="business type (default: general)")
    annotated.set_defaults(run=_import_annotations)


_POLL_SECONDS = 2.0
_EXIT_HUNG = 75  # EX_TEMPFAIL of sysexits.h

_MODEL_ACTIONS = {
    "build": "embed the archive with another model, in the running console",
    "switch": "activate a model that is ready, or one that was active before",
    "stop": "pause a build",
    "drop": "delete a model's vectors; decisions are kept",
}


def _serve(loop: Tagloop, options: argparse.Namespace) -> int:
    import uvicorn

    from tagging_core.api import server

    _require_free(options.host, options.port)
    loop.start()  # before uvicorn, which would log a traceback if another console runs
    uvicorn.run(server.serve(loop), host=options.host, port=options.port)
    return 0


def _require_free(host: str, port: int) -> None:
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        problem = f"{host}:{port} cannot be opened: {error.strerror}. Choose another --port or --host."
        raise BusyError(problem) from error


def work_until_signal(loop: Tagloop) -> None:
    """Process chunks of the queue until SIGTERM, SIGINT or a hanging chunk."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    loop.work()
    worker = loop.worker
    assert worker is not None
    line = f"Worker {loop.resources.name} started; interrupt it to stop after the chunks in progress."
    print(line, file=sys.stderr, flush=True)
    while not stopping.wait(_POLL_SECONDS):
        if worker.hangs:
            # A GPU call cannot be interrupted: exit, and let the supervisor start a new worker.
            print("A chunk hangs; this worker exits so that it can be restarted.", file=sys.stderr, flush=True)
            os._exit(_EXIT_HUNG)


def _work(loop: Tagloop, options: argparse.Namespace) -> int:
    if options.metrics_port:
        start_http_server(options.metrics_port, options.metrics_host, prometheus.registry(loop))
    work_until_signal(loop)
    return 0


SERVING = (_serve, _work)
"""Commands that run as services and log for a collector, not for a person."""


def _watch(loop: Tagloop, options: argparse.Namespace) -> int:
    user = local_user(options.user)
    with contextlib.suppress(BusyError):
        loop.start()  # otherwise the running console ingests the files
    print(f"Watching {options.folder}; interrupt to stop.", file=sys.stderr)
    for paths in appearing(options.folder, threading.Event()):
        try:
            batch = loop.ingest.ingest_paths(user, paths, options.profile, name=f"Watched: {options.folder.name}")
        except SourceError as error:  # such as files that were moved away again
            print(json.dumps({"error": str(error)}) if options.json else f"Error: {error}", file=sys.stderr)
            continue
        line = f"batch {batch}: {len(paths)} files"
        print(json.dumps({"batch": batch, "files": len(paths)}) if options.json else line, flush=True)
    return 0


def _search(loop: Tagloop, options: argparse.Namespace) -> int:
    loop.start()
    _fill_index(loop)
    found = Operations(loop, local_user(options.user)).search.find(options.text, limit=options.limit)
    if found.indexing:
        print(_INDEXING, file=sys.stderr)
    lines = [f"{hit.asset.id:6}  {hit.asset.name}" for hit in found.hits]
    if found.likely:
        lines = [f"{hit.relevance:6.1%}  {line}" for hit, line in zip(found.hits, lines, strict=True)]
    elif lines:
        lines.insert(0, "No picture is a likely match. These come closest, best first:")
    nothing = _INDEXING if found.indexing else "No picture matches well enough."
    say(options, found.model_dump(mode="json"), lines or [nothing])
    return int(found.indexing and not lines)


def _fill_index(loop: Tagloop) -> None:
    """Wait until the worker has added the waiting pictures to the index; it ends with this process."""
    index, end = loop.resources.index, time.monotonic() + _INDEX_SECONDS
    while (not index.is_open or index.feeder.lacks_pictures(index.fingerprint)) and time.monotonic() < end:
        if loop.worker is not None and loop.worker.trouble:
            raise TaggingError(loop.worker.trouble)
        time.sleep(0.05)


def _export(loop: Tagloop, options: argparse.Namespace) -> int:
    assets = Operations(loop, local_user(options.user)).assets
    filters = schemas.Filters(state=options.state, batch=options.batch)
    columns = [name.strip() for name in options.columns.split(",")]
    parts = assets.export(Format(options.format), filters, columns, language=options.language, image=options.image)
    with options.file.open("wb") as file:
        size = sum(file.write(part) for part in parts)
    lines = [f"{options.file}: {size:,} bytes."]
    if options.format == Format.LABEL_STUDIO:
        config = options.file.with_suffix(".xml")
        config.write_text(label_studio.config(assets.taxonomy), "utf-8")
        lines.append(f"{config}: labelling configuration of the project.")
    say(options, {"file": str(options.file), "bytes": size}, lines)
    return 0


def _back_up(loop: Tagloop, options: argparse.Namespace) -> int:
    blobs = None if options.without_pictures else loop.resources.blobs
    found = backups.back_up(loop.database, blobs, options.file, progress=_progress(options))
    size = options.file.stat().st_size
    line = f"{options.file}: {sum(found.rows.values()):,} rows, {found.files:,} picture files, {size:,} bytes."
    say(options, asdict(found) | {"bytes": size}, [line])
    return 0


def restore_backup(settings: Settings, options: argparse.Namespace) -> int:
    """Restore a backup into an empty installation."""
    database = Database(settings.database)
    try:
        found = backups.restore(
            database, open_blobs(settings.assets_url, settings.data_dir), options.file, progress=_progress(options)
        )
    finally:
        database.close()
    line = f"Restored {sum(found.rows.values()):,} rows and {found.files:,} picture files, as of {found.at}."
    say(options, asdict(found), [line, "Start the console: it rebuilds the search index."])
    return 0


def _progress(options: argparse.Namespace) -> backups.Progress:
    return (lambda text: None) if options.json else (lambda text: print(f"{text} ...", file=sys.stderr))


def _import_annotations(loop: Tagloop, options: argparse.Namespace) -> int:
    text = decode_unicode(options.file.read_bytes())
    with loop.database.read() as connection:
        decisions = label_studio.read(connection, text, loop.taxonomy(), profile=options.profile)
    say_group(options, loop.review.decide_many(local_user(options.user), decisions), "recorded")
    return 0


def _list_models(loop: Tagloop, options: argparse.Namespace) -> int:
    found = loop.models.all()
    rows = [
        {"fingerprint": p.space.fingerprint, "encoder": p.space.encoder, "instruction": p.space.instruction}
        | {"state": p.space.state, "note": p.space.note}
        | {"pictures": p.pictures, "missing": p.missing, "pending": p.pending}
        for p in found
    ]
    lines = [
        f"{p.space.fingerprint}  {p.space.state}  {p.pictures - p.missing:,} of {p.pictures:,} pictures"
        + (f", {p.pending:,} tags to fit" if p.pending else "")
        + (f"\n    {p.space.note}" if p.space.note else "")
        for p in found
    ]
    say(options, {"models": rows}, lines)
    return 0


def _change_model(loop: Tagloop, options: argparse.Namespace) -> int:
    getattr(loop.models, options.action)(local_user(options.user), options.name)
    return _list_models(loop, options)
