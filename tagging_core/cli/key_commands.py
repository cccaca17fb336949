"""Commands for API keys."""

from __future__ import annotations

import argparse
from typing import Any

from tagging_core.api import keys
from tagging_core.api.keys import Scope
from tagging_core.app.tagloop import Tagloop
from tagging_core.cli.arguments import whole_number
from tagging_core.cli.output import say
from tagging_core.common.users import local_user


def add_key_commands(commands: argparse._SubParsersAction[Any], common: argparse.ArgumentParser) -> None:
    """Add the commands of this module to the parser."""
    key = commands.add_parser("key", help="create, list and revoke API keys")
    what = key.add_subparsers(required=True, metavar="ACTION")
    create = what.add_parser("create", parents=[common], help="create a key; it is shown only once")
    create.add_argument("name", help="name of the program")
    create.add_argument("--scope", action="append", choices=list(Scope), help="repeatable (default: read, tag)")
    create.set_defaults(run=_create_key)
    what.add_parser("list", parents=[common], help="list all keys, revoked ones included").set_defaults(
        run=_list_keys
    )
    revoke = what.add_parser("revoke", parents=[common], help="revoke a key")
    revoke.add_argument("id", type=whole_number())
    revoke.set_defaults(run=_revoke_key)


def _create_key(loop: Tagloop, options: argparse.Namespace) -> int:
    scopes = [Scope(s) for s in options.scope or (Scope.READ, Scope.TAG)]
    with loop.database.write(durable=True) as connection:
        found, token = keys.create(connection, local_user(options.user), options.name, scopes=scopes)
    say(options, {"id": found.id, "key": token}, [f"Key {found.id}, shown only once:", token])
    return 0


def _list_keys(loop: Tagloop, options: argparse.Namespace) -> int:
    with loop.database.read() as connection:
        found = keys.all_keys(connection)
    rows = [{"id": k.id, "name": k.name, "scopes": sorted(k.scopes), "revoked": bool(k.revoked_at)} for k in found]
    lines = [f"{k.id:4}  {k.name}  {', '.join(sorted(k.scopes))}{'  revoked' * bool(k.revoked_at)}" for k in found]
    say(options, {"keys": rows}, lines or ["There are no keys."])
    return 0


def _revoke_key(loop: Tagloop, options: argparse.Namespace) -> int:
    with loop.database.write(durable=True) as connection:
        keys.revoke(connection, local_user(options.user), options.id)
    say(options, {"id": options.id}, [f"Key {options.id} has been revoked."])
    return 0
