"""
The ``gridtide`` command: a table of commands whose modules are imported when they are called.

``--help`` reads this table only, so that it answers at once. A command is a function (or, with subcommands, a typer
app) named ``command`` in its module; it returns its exit code, None meaning 0.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from gridtide.cli import errors, grammar, output
from gridtide.cli.flags import flattened

__all__ = ["COMMANDS", "main", "root_command"]

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "now": ("gridtide.cli.now", "Carbon intensity of a place now"),
    "forecast": ("gridtide.cli.forecast", "What is ahead, as a chart"),
    "compare": ("gridtide.cli.compare", "Regions side by side, on one provider and one kind of signal"),
    "plan": ("gridtide.cli.plan", "When a job would run, what that avoids, and what else could be done"),
    "fleet": ("gridtide.cli.fleet", "Many jobs, several zones, shared capacity: one plan for all"),
    "run": ("gridtide.cli.run", "Wait for the cleanest time, then run a command once"),
    "wait": ("gridtide.cli.wait", "Return when it is time, for && chains"),
    "check": ("gridtide.cli.check", "Is now a good time? Exit code 0 for yes, 75 for not now"),
    "explain": ("gridtide.cli.explain", "Why the last runs waited or started, and what they saved"),
    "throttle": ("gridtide.cli.throttle", "How many runners of a queue may work now"),
    "budget": ("gridtide.cli.budget", "Carbon budgets of teams, and what is left of them"),
    "zones": ("gridtide.cli.zones", "Grid zones, and which one a place belongs to"),
    "data": ("gridtide.cli.data", "Bring history of a grid zone into a file"),
    "doctor": ("gridtide.cli.doctor", "Check clock, configuration, keys, sources and files"),
    "potential": ("gridtide.cli.potential", "Is shifting worth it at all in a zone? From its history"),
    "simulate": ("gridtide.cli.simulate", "Policies side by side on past grid data, and what each would have saved"),
    "reproduce": ("gridtide.cli.reproduce", "A paper's table computed again, beside the recorded one"),
    "config": ("gridtide.cli.config", "Settings in force and where each came from"),
}
"""Name, module and one line for the overview."""

_HELP: Final = {"help_option_names": ["-h", "--help"]}
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SIGPIPE_EXIT: Final = 141
_INTERRUPT_EXIT: Final = 130


class _LazyGroup(TyperGroup):
    """Group that knows its commands by name and imports one when it is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {
            name: TyperCommand(name, help=line, rich_markup_mode=None) for name, (_, line) in COMMANDS.items()
        }

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the base class's signature
        """Import the module behind *cmd_name*; None where there is no such command."""
        return _load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Write the overview from the table, importing nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


app = typer.Typer(
    cls=_LazyGroup,
    name="gridtide",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings=_HELP,
    epilog="gridtide COMMAND --help shows the flags and examples of a command.",
)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer hands the flag over by position
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - only for --version

        sys.stdout.write(f"gridtide {version('gridtide')}\n")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    """
    Run work when and where the electricity grid is clean.

    Times are ISO 8601 with an offset, durations carry their unit (90m, 2h30m, PT90M), and every command takes --json.
    """


def root_command() -> Any:
    """Return the whole command tree, for `main` and for the pages generated from it."""
    return typer.main.get_command(app)


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run one command line and return its exit code; never raises and never prints a traceback.

    Args:
        argv: Arguments without the program's name; those of the process when left out.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    output.prepare_streams()
    output.show_log_warnings()
    before_command = arguments[: arguments.index("--")] if "--" in arguments else arguments
    voice = output.Output("error", as_json="--json" in before_command)
    try:
        code = _run(_asked(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        output.silence_stdout()
        return _SIGPIPE_EXIT
    except KeyboardInterrupt:
        return _INTERRUPT_EXIT
    except OSError as error:
        return _fail(output.AnswerLost.because(error) if error.errno in _NO_ROOM else error, voice)
    except Exception as error:  # noqa: BLE001 - the one place where everything ends
        return _fail(error, voice)
    return code


def _asked(arguments: list[str]) -> list[str]:
    """Arguments, where ``help COMMAND`` and nothing at all mean ``--help``."""
    if arguments[:1] == ["help"]:
        return [*arguments[1:], "--help"]
    return arguments or ["--help"]


def _run(arguments: list[str]) -> int:
    try:
        code = root_command().main(args=arguments, prog_name="gridtide", standalone_mode=False)
    except TyperException as error:
        raise grammar.explained(error) from error
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):
            raise error.__context__ from None
        return error.code if isinstance(error.code, int) else 1
    return code if isinstance(code, int) else 0


def _load(name: str) -> Any:
    module = importlib.import_module(COMMANDS[name][0])
    target = module.command
    if not isinstance(target, typer.Typer):
        single = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
        single.command(
            name,
            cls=grammar.Command,
            context_settings={**_HELP, **getattr(module, "CONTEXT", {})},
            epilog="\n".join(getattr(module, "EXAMPLES", ())),
        )(flattened(target))
        target = single
    loaded = typer.main.get_command(target)
    loaded.name = name
    return loaded


def _fail(error: Exception, voice: output.Output) -> int:
    if os.environ.get(errors.DEBUG_VARIABLE) == "1":
        import traceback  # noqa: PLC0415 - only when asked for

        traceback.print_exception(error)
    try:
        voice.error(errors.describe(error))
        sys.stdout.flush()
    except (OSError, output.AnswerLost):
        output.silence_stdout()
    return errors.exit_code(error)


if __name__ == "__main__":
    sys.exit(main())
