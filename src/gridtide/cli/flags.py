"""
How a group of flags becomes one argument.

A command takes ``where: SignalOptions`` and ``say: OutputOptions``; `flattened` shows typer one flag per field of those
dataclasses, so each flag is written down once and a command reads like its meaning. The group's ``HEADING``, where it
has one, stands over its flags in the help.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

__all__ = ["flattened"]


def flattened(function: Callable[..., Any]) -> Callable[..., Any]:
    """
    Replace every parameter annotated with a dataclass by keyword parameters for its fields.

    Example:
        >>> @dataclasses.dataclass
        ... class Size:
        ...     width: int = 3
        >>> def draw(size: Size) -> int:
        ...     return size.width
        >>> flattened(draw)(width=5)
        5
    """
    hints = get_type_hints(function, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and dataclasses.is_dataclass(hint)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in groups:
            parameters.extend(_parameters_of(groups[parameter.name]))
        else:
            parameters.append(parameter.replace(annotation=hints[parameter.name]))
    parameters.sort(key=lambda p: p.kind)

    @functools.wraps(function)
    def call(*arguments: Any, **flags: Any) -> Any:
        for name, group in groups.items():
            flags[name] = group(**{f.name: flags.pop(f.name) for f in dataclasses.fields(group) if f.name in flags})
        return function(*arguments, **flags)

    # typer must see the flags, not what is behind them
    del call.__wrapped__
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    return call


def _parameters_of(group: type) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    heading = getattr(group, "HEADING", None)
    for f in dataclasses.fields(group):
        for info in getattr(hints[f.name], "__metadata__", ()):
            info.rich_help_panel = heading
    return [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
        for f in dataclasses.fields(group)
    ]
