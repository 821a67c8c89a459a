"""``gridtide config``: the settings in force with their origin, a check, a first file, the schema."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gridtide.cli.flags import flattened
from gridtide.cli.grammar import Command
from gridtide.cli.options import OutputOptions

if TYPE_CHECKING:
    from gridtide.cli.shapes import SettingShape
    from gridtide.config.settings import Settings
    from gridtide.config.table import Row

__all__ = ["command"]

command = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=False,
    help="Settings in force and where each came from.",
)

_FORMATS: Final = ("toml", "yaml", "json")


def default(ctx: typer.Context, *, say: OutputOptions) -> None:
    """Show the settings that differ from their defaults; `config show --all` shows every one."""
    if ctx.invoked_subcommand is None:
        show(say=say)


def show(
    *,
    say: OutputOptions,
    everything: Annotated[bool, typer.Option("--all", help="Also settings that keep their default.")] = False,
) -> None:
    """Show settings with their origin; secrets are masked."""
    from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light

    _answer(wiring.read_settings(config=say.config), say, everything=everything, word="")


def check(
    *,
    say: OutputOptions,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse secrets in files that everybody may read.")] = False,
) -> None:
    """
    Check the configuration, the addresses and names of its sources included.

    Exit code 78 with the place and the fix when something cannot be used.
    """
    from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light
    from gridtide.api.clocks import SystemClock  # noqa: PLC0415
    from gridtide.api.live import build_providers, open_fetcher  # noqa: PLC0415

    settings = wiring.read_settings(config=say.config, strict=strict)
    wiring.build_catalogue(settings)
    open_fetcher(settings, SystemClock())
    build_providers(settings)
    _answer(settings, say, everything=False, word="the configuration can be used")


def init(
    *,
    say: OutputOptions,
    form: Annotated[str, typer.Option("--format", metavar="NAME", help="toml, yaml or json.")] = "toml",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; gridtide.<format> here.")
    ] = None,
) -> None:
    """Write a first configuration file with every setting, commented out; an existing file is left alone."""
    from gridtide.cli.errors import Usage  # noqa: PLC0415 - keeps --help light
    from gridtide.cli.output import Output  # noqa: PLC0415
    from gridtide.config.document import SUFFIXES  # noqa: PLC0415
    from gridtide.config.starter import starter  # noqa: PLC0415
    from gridtide.domain.errors import ConfigurationError  # noqa: PLC0415

    if form not in _FORMATS:
        raise Usage(f"--format is {form[:20]!r}; allowed: {', '.join(_FORMATS)}", field="--format")
    path = output or Path(f"gridtide.{form}")
    voice = Output("config", as_json=say.as_json, quiet=say.quiet)
    beside = next((name for other in SUFFIXES if (name := Path(f"gridtide{other}")) != path and name.exists()), None)
    if output is None and beside is not None:
        raise ConfigurationError(
            f"{beside} is already here, and two of them would leave open which one counts",
            hint=f"edit {beside}, or name another file with --output",
            field="--format",
        )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}", hint="name another file with --output", field="--output"
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(starter(form))
    lines = [f"wrote {path}; take the comment signs off what you want to change"]
    voice.answer({"files": [str(path)], "settings": [], "warnings": voice.warnings}, lines)


def schema() -> None:
    """Print the JSON Schema of a configuration file, for editors."""
    import json  # noqa: PLC0415 - keeps --help light
    import sys  # noqa: PLC0415

    from gridtide.config.schema import settings_schema  # noqa: PLC0415

    sys.stdout.write(json.dumps(settings_schema(), indent=2) + "\n")


command.callback(invoke_without_command=True)(flattened(default))
command.command("show", cls=Command)(flattened(show))
command.command("check", cls=Command)(flattened(check))
command.command("init", cls=Command)(flattened(init))
command.command("schema", cls=Command)(flattened(schema))


def _answer(settings: Settings, say: OutputOptions, *, everything: bool, word: str) -> None:
    from gridtide.cli.output import Output  # noqa: PLC0415 - keeps --help light
    from gridtide.cli.wording import columns  # noqa: PLC0415
    from gridtide.config.places import find_files  # noqa: PLC0415
    from gridtide.config.settings import rows  # noqa: PLC0415

    voice = Output("config", as_json=say.as_json, quiet=say.quiet)
    for warning in settings.warnings:
        voice.warn(warning)
    files = [str(file.path) for file in find_files(os.environ, Path.cwd(), say.config)]
    shapes = [_shape(settings, row) for row in rows()]
    shown = [s for s in shapes if everything or s["origin"] != "default"]
    table = [("setting", "value", "from"), *((s["name"], _said(s), s["origin"]) for s in shown)]
    text = columns(table) if shown else ["every setting has its default; `gridtide config show --all` lists them"]
    voice.answer({"files": files, "settings": shapes, "warnings": voice.warnings}, [*([word] if word else []), *text])


def _shape(settings: Settings, row: Row) -> SettingShape:
    return {
        "name": row.name,
        "value": _plain(settings.value(row.name)),
        "unit": row.unit,
        "origin": settings.origin(row.name),
        "help": row.help,
        "environment": row.env,
    }


def _plain(value: Any) -> Any:
    """Value as it may be shown: durations with their unit, secrets masked."""
    from collections.abc import Mapping  # noqa: PLC0415 - keeps --help light
    from datetime import timedelta  # noqa: PLC0415

    from gridtide.domain.durations import format_duration  # noqa: PLC0415

    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, str | bool | int | float) or value is None else str(value)


def _said(shape: SettingShape) -> str:
    value = shape["value"]
    text = ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
    if isinstance(value, list):
        text = ", ".join(map(str, value))
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, float):
        text = f"{value:g}"
    if value is None or text == "":
        return "-"
    return f"{text} {shape['unit']}".rstrip()
