"""``citypatrol influx setup city.yaml``: makes what the sinks write to, as often as it is asked."""

import argparse
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.commands.options import global_options
from app.outcome import FINE, OutsideError, UsageError
from app.terminal import say, say_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from citypatrol.secret import Secret
    from sinks.config import InfluxConfig
    from sinks.influx_admin import Rights
    from sinks.influx_setup import Access, Step

OPERATOR_TOKEN: Final = "INFLUX_OPERATOR_TOKEN"  # noqa: S105 - the name of a variable
_MODE: Final = 0o600


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    summary = "make bucket (or database), retention, mapping and tokens; changes nothing twice"
    setup = verbs.add_parser("setup", help=summary, description=summary, parents=[global_options()])
    setup.add_argument("city", metavar="CITY", type=Path, help="city.yaml")
    setup.add_argument("--sink", type=int, metavar="N", help="this one of `sinks:` only, from 1")
    setup.add_argument(
        "--retention",
        metavar="90d|forever",
        help="how long points are kept; default: 90d for a new one, what is there stays as it is",
    )
    two = setup.add_argument_group("InfluxDB 2")
    two.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"an operator's token; default: the environment's {OPERATOR_TOKEN}",
    )
    for access in ("write", "read"):
        two.add_argument(
            f"--{access}-token-file",
            type=Path,
            metavar="FILE",
            help=f"where the {access}-only token goes (mode 600); default: printed, once",
        )
    two.add_argument("--renew", action="store_true", help="new tokens in place of those there are")
    one = setup.add_argument_group("InfluxDB 1")
    one.add_argument("--username", help="an administrator; default: the sink's own user")
    one.add_argument("--password-file", type=Path, metavar="FILE")


def execute(args: argparse.Namespace) -> int:
    import asyncio

    from citypatrol.errors import Reject, Retry

    sinks = _sinks(args.city, only=args.sink)
    if len(sinks) > 1 and (args.write_token_file or args.read_token_file):
        message = "a token file holds one token; name one sink with --sink N"
        raise UsageError(message)
    for config in sinks:
        try:
            asyncio.run(_set_up(config, args))
        except (Retry, Reject) as error:
            message = f"{config.url}: {error.reason}"
            raise OutsideError(message) from error
    return FINE


def _sinks(path: Path, *, only: int | None) -> "Sequence[InfluxConfig]":
    """Secrets of the file may be missing still: setting up is what makes one of them."""
    from app.config import CityFile
    from citypatrol.errors import ConfigError
    from citypatrol.yamlfile import load_model

    file, problems, _ = load_model(path, CityFile)
    if file is None:
        raise ConfigError(problems)
    if not file.sinks:
        message = f"{path} has no `sinks:`; there is nothing to set up"
        raise UsageError(message)
    if only is None:
        return file.sinks
    if not 1 <= only <= len(file.sinks):
        message = f"--sink {only}: {path} has {len(file.sinks)} sinks"
        raise UsageError(message)
    return file.sinks[only - 1 : only]


async def _set_up(config: "InfluxConfig", args: argparse.Namespace) -> None:
    from sinks.influx_admin import administrator
    from sinks.influx_setup import forget, set_up_v1, set_up_v2

    retention = _retention(args.retention)
    renew: Sequence[Access] = ("write", "read") if args.renew else ()
    async with administrator(config, rights=_rights(config, args)) as admin:
        if config.version == 1:
            for step in await set_up_v1(admin.query, config, retention=retention):
                _tell(step, kept=None, as_json=args.json)
            return
        files = {"write": args.write_token_file, "read": args.read_token_file}
        with _ready(files.values()):  # before a token is made that could not be kept
            for step in await set_up_v2(admin.ask, config, retention=retention, renew=renew):
                path = files[step.access] if step.access and step.token else None
                if path is not None:
                    _keep(path, step.token)
                _tell(step, kept=path, as_json=args.json)
                await forget(admin.ask, step)


def _retention(text: str | None) -> int | None:
    from citypatrol.units import duration_ms
    from sinks.influx_setup import FOREVER

    if text is None or text == "forever":
        return None if text is None else FOREVER
    try:
        retention = duration_ms(text)
    except ValueError as error:
        message = f"--retention: {error}"
        raise UsageError(message) from error
    if retention < 3_600_000:
        message = f"--retention {text}: InfluxDB keeps nothing for less than 1h"
        raise UsageError(message)
    return retention


def _rights(config: "InfluxConfig", args: argparse.Namespace) -> "Rights":
    from citypatrol.secret import Secret
    from sinks.influx_admin import Rights

    if config.version == 1:
        if args.username is None:
            return Rights(username=config.username, password=config.password)
        if args.password_file is None:
            message = "--username wants --password-file"
            raise UsageError(message)
        return Rights(username=args.username, password=_read(args.password_file))
    if args.token_file is not None:
        return Rights(token=_read(args.token_file))
    token = os.environ.get(OPERATOR_TOKEN)
    if not token:
        message = f"who may make buckets and tokens? Set {OPERATOR_TOKEN}, or give --token-file"
        raise UsageError(message)
    return Rights(token=Secret(token))


def _read(path: Path) -> "Secret":
    from citypatrol.secret import Secret

    try:
        return Secret(path.read_text().strip())
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}"
        raise UsageError(message) from error


@contextlib.contextmanager
def _ready(paths: "Iterable[Path | None]") -> "Iterator[None]":
    """Files that are there, ours alone, and writable; those that stay empty go again."""
    wanted = [path for path in paths if path is not None]
    try:
        for path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT, _MODE)
            os.fchmod(handle, _MODE)
            os.close(handle)
        yield
    except OSError as error:
        message = f"{error.filename} cannot be written: {error.strerror}"
        raise OutsideError(message) from error
    finally:
        for path in wanted:
            with contextlib.suppress(OSError):
                if path.stat().st_size == 0:
                    path.unlink()


def _keep(path: Path, token: "Secret | None") -> None:
    text = token.reveal() if token is not None else ""
    try:
        path.write_text(text + "\n")
    except OSError as error:
        message = f"{path}: {error.strerror}, so the new token is lost; --renew makes another"
        raise OutsideError(message) from error


def _tell(step: "Step", *, kept: Path | None, as_json: bool) -> None:
    shown = step.token.reveal() if step.token is not None and kept is None else None
    if as_json:
        said = {"what": step.what, "done": step.done, "detail": step.detail}
        say_json(said | {"token": shown, "file": str(kept) if kept is not None else None})
        return
    words = [f"{step.done:8} {step.what}"]
    if step.detail:
        words.append(step.detail)
    if shown is not None:
        words.append(f"{shown} (it is shown this once)")
    elif kept is not None:
        words.append(f"in {kept}")
    elif step.access is not None:
        words.append("it cannot be shown again; --renew makes another")
    say(", ".join(words))
