"""``gridtide doctor``: clock, configuration, keys, sources and files, each with what to do about it."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from gridtide.cli.options import OutputOptions

__all__ = ["command"]

_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "red"}


def command(
    *,
    say: OutputOptions,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="Place whose sources are asked; that of the settings.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no source over the network.")] = False,
) -> int:
    """
    Look at everything a plan depends on and say what to do about each problem.

    Exit code 0 when nothing fails (warnings are fine), 78 when the configuration cannot be used, 77 when the chosen
    source lacks its key, 69 when no source answers. No credential is shown.
    """
    from importlib.metadata import version  # noqa: PLC0415 - keeps --help light

    from gridtide.cli.checkup import OK, examine  # noqa: PLC0415
    from gridtide.cli.output import Output  # noqa: PLC0415
    from gridtide.cli.wording import columns  # noqa: PLC0415

    voice = Output("doctor", as_json=say.as_json, quiet=say.quiet)
    findings = examine(config=say.config, zone=zone, offline=offline)
    code = next((finding.exit_code for finding in findings if finding.exit_code), 0)
    checks = [{"name": f.name, "status": f.status, "detail": f.detail, "hint": f.hint} for f in findings]
    rows = [(f.status, f.name, f.detail) for f in findings]
    lines = [
        voice.paint(line, _COLOURS[finding.status]) if finding.status != OK else line
        for line, finding in zip(columns(rows), findings, strict=True)
    ]
    hints = [f"  {f.name}: {f.hint}" for f in findings if f.hint and f.status != OK]
    voice.answer(
        {"version": version("gridtide"), "healthy": not code, "checks": checks, "warnings": voice.warnings},
        [*lines, *(["what to do", *hints] if hints else [])],
    )
    return code
