"""
How a command line is read and explained: help in sections with examples, and errors that name flag, value and bounds.

Sits between the commands and typer, so that no message of a library reaches a person: a flag given twice is refused,
since which one counts would be a guess, and a value that cannot be read is shown beside what is allowed.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from typer.core import TyperCommand
from typer.exceptions import TyperException

from gridtide.cli.errors import Usage

__all__ = ["Command", "explained"]

_OWN: Final = "Options"
_KINDS: Final = {int: "a whole number", float: "a number"}
_SHOWN: Final = 40
_EXTRA: Final = "Got unexpected extra argument(s) "
_INSTEAD: Final = {"gridtide zones": "`gridtide zones resolve PLACE` says which zone a place belongs to"}


class Command(TyperCommand):
    """A command whose flags stand in sections, and whose examples follow them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse a flag that stands twice, where only one of them could count."""
        if not ctx.resilient_parsing:
            _, _, order = self.make_parser(ctx).parse_args(args=list(args))
            options: list[Any] = [p for p in order if p.param_type_name == "option"]
            for parameter, count in Counter(options).items():
                if count > 1 and not parameter.is_flag and not parameter.type_descriptor.is_list:
                    flag = _name_of(parameter)
                    raise Usage(f"{flag} is given {count} times; allowed: once", hint="keep one of them", field=flag)
        return list(super().parse_args(ctx, args))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, then the command's own flags, then those it shares with others under their headings."""
        arguments: list[tuple[str, str]] = []
        sections: dict[str, list[tuple[str, str]]] = {_OWN: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            if parameter.param_type_name == "argument":
                arguments.append((parameter.metavar or record[0], record[1]))
            else:
                heading = getattr(parameter, "rich_help_panel", None) or _OWN
                sections.setdefault(heading, []).append(record)
        for title, records in (("Arguments", arguments), *sections.items()):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Write the examples line by line, so that each can be copied."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - the first sentence is never cut
        """First sentence of the help, for the overview of a group."""
        return " ".join((self.help or "").partition("\n\n")[0].split()).rstrip(".")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Words after the command's name, arguments as their metavar says."""
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        names = [(a.metavar or a.name.upper(), a.required) for a in arguments]
        return ["[OPTIONS]", *(name if required or name[0] == "-" else f"[{name}]" for name, required in names)]


def explained(error: TyperException) -> Usage:
    """The library's error about a command line, in our words."""
    context = getattr(error, "ctx", None)
    path = "gridtide" if context is None else context.command_path
    hint = f"`{path} --help` lists what is possible"
    near = getattr(error, "possibilities", None)
    if near:
        return Usage(str(error), hint=f"did you mean {near[0]}?")
    if near is not None:
        return Usage(error.format_message(), hint=hint)
    parameter = getattr(error, "param", None)
    if parameter is None:
        return _about_words(error, hint)
    flag = _name_of(parameter)
    given = _given(error)
    if given is None:
        return Usage(f"{flag} is missing", hint=hint, field=flag)
    return Usage(f"{flag} is {str(given)[:_SHOWN]!r}; allowed: {_allowed(parameter)}", hint=hint, field=flag)


def _about_words(error: TyperException, hint: str) -> Usage:
    """Error about the words of a line rather than about one value."""
    flag = getattr(error, "option_name", None)
    message = error.format_message()
    if flag is None and message.startswith(_EXTRA):
        return Usage(f"{message.removeprefix(_EXTRA)[:_SHOWN]} is not expected here", hint=hint)
    if flag is None:
        return Usage(message, hint=_INSTEAD.get(getattr(getattr(error, "ctx", None), "command_path", ""), hint))
    bare = "does not take a value" in message
    return Usage(f"{flag} takes no value" if bare else f"{flag} needs a value", hint=hint, field=str(flag))


def _name_of(parameter: Any) -> str:
    """Longest spelling of a flag, or the argument's name as the help shows it."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return str(max(parameter.opts, key=len))


def _given(error: TyperException) -> object:
    """Value that could not be read; None where there was none."""
    found = getattr(error.__cause__, "errors", None)
    return found()[0].get("input") if callable(found) else None


def _allowed(parameter: Any) -> str:
    kind = _KINDS.get(parameter.type_descriptor.annotation, "another value")
    low, high = getattr(parameter, "min", None), getattr(parameter, "max", None)
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    return kind if low is None else f"{kind}, {low} or more"
