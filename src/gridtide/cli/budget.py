"""``gridtide budget``: carbon budgets of teams, what is left of them, and whether more runs eat up the saving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridtide.cli.errors import Usage
from gridtide.cli.flags import flattened
from gridtide.cli.grammar import Command
from gridtide.cli.options import OutputOptions, read_duration, read_instant
from gridtide.domain.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from gridtide.accounting.budget import Budget
    from gridtide.cli import shapes
    from gridtide.cli.output import Output
    from gridtide.config.settings import Settings
    from gridtide.ledger.budgets import BudgetBook, PeriodTotals

__all__ = ["command"]

_PERIODS: Final = 4
_USUAL_PERIOD: Final = timedelta(days=7)

command = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=False,
    help="Carbon budgets of teams, and what is left of them.",
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Team, namespace or project.")]
_At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="Answer as if it were this time, with offset.")]


def default(ctx: typer.Context, *, say: OutputOptions, at: _At = None) -> None:
    """List budgets with what is left; `gridtide budget set NAME --grams G --period 7d` makes one."""
    if ctx.invoked_subcommand is None:
        show_all(say=say, at=at)


def show_all(*, say: OutputOptions, at: _At = None) -> None:
    """List every budget with what is left of it."""
    counter = _Counter(say, at)
    counter.answer(counter.book.defined(), _table)


def show(name: _Name, *, say: OutputOptions, at: _At = None) -> None:
    """Show one budget: what is left, when it ends at the present rate, and runs and grams beside the saving."""
    counter = _Counter(say, at)
    counter.answer((counter.book.find(name),), _page)


def set_(
    name: _Name,
    *,
    say: OutputOptions,
    grams: Annotated[float | None, typer.Option("--grams", metavar="G", help="Allowance per period. [gCO2eq]")] = None,
    period: Annotated[
        str | None, typer.Option("--period", metavar="DURATION", help="Over which it flows in evenly. [default: 7d]")
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            "--mode", metavar="WORD", help="When it is used up: observe, warn, delay or refuse. [default: observe]"
        ),
    ] = None,
    carry_over: Annotated[
        float | None,
        typer.Option(
            "--carry-over", metavar="PERCENT", help="Part of an unused allowance that may be kept on top. [default: 0]"
        ),
    ] = None,
    warn_at: Annotated[
        float | None,
        typer.Option("--warn-at", metavar="PERCENT", help="Part left at which runs are warned. [default: 10]"),
    ] = None,
    at: _At = None,
) -> None:
    """Make a budget, or change one; flags that are left out stay as they were, and so does what was spent."""
    from gridtide.domain.effect import check_name  # noqa: PLC0415 - keeps --help light

    counter = _Counter(say, at)
    try:
        old = next((budget for budget in counter.book.defined() if budget.name == name), None)
        wanted = _Wanted(grams=grams, period=period, mode=mode, carry_over=carry_over, warn_at=warn_at)
        budget = wanted.over(old, check_name(name, field="NAME"))
    except InvalidInput as error:
        field = str(error.facts.get("field") or "NAME")
        flag = field if field == "NAME" or field.startswith("--") else f"--{field.replace('_', '-')}"
        raise Usage(error.message, hint=error.hint, field=flag) from None
    counter.book.define(budget, now=counter.now)
    counter.answer((budget,), _page)


def remove(name: _Name, *, say: OutputOptions, at: _At = None) -> None:
    """Forget a budget; runs that were counted stay in the file."""
    counter = _Counter(say, at)
    counter.book.remove(name)
    counter.answer(counter.book.defined(), lambda *_: [f"{name}: removed"])


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """Flags of `set`."""

    grams: float | None
    period: str | None
    mode: str | None
    carry_over: float | None
    warn_at: float | None

    def over(self, old: Budget | None, name: str) -> Budget:
        """The budget they describe; what they leave out is as before, or as usual."""
        from gridtide.accounting.budget import Budget, BudgetMode  # noqa: PLC0415 - keeps --help light

        allowance = self.grams if self.grams is not None else None if old is None else old.grams
        if allowance is None:
            raise Usage("--grams is missing", hint="say how much may be emitted per period", field="--grams")
        if self.mode is not None and self.mode not in list(BudgetMode):
            raise Usage(f"--mode is {self.mode[:40]!r}; allowed: {', '.join(BudgetMode)}", field="--mode")
        span = read_duration(self.period, "--period")
        return Budget(
            name=name,
            grams=allowance,
            period=span or (_USUAL_PERIOD if old is None else old.period),
            mode=BudgetMode(self.mode) if self.mode is not None else BudgetMode.OBSERVE if old is None else old.mode,
            carry_over=_share(self.carry_over, None if old is None else old.carry_over, 0.0),
            warn_at=_share(self.warn_at, None if old is None else old.warn_at, 0.1),
        )


def _share(percent: float | None, old: float | None, usual: float) -> float:
    if percent is not None:
        return percent / 100.0
    return usual if old is None else old


class _Counter:
    """What every subcommand opens: clock, settings, voice and the book, with what killed runs left put right."""

    def __init__(self, say: OutputOptions, at: str | None) -> None:
        from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light
        from gridtide.api.allowance import reclaim  # noqa: PLC0415
        from gridtide.api.clocks import SystemClock  # noqa: PLC0415
        from gridtide.cli.output import Output  # noqa: PLC0415

        self.say: Output = Output("budget", as_json=say.as_json, quiet=say.quiet)
        self.settings: Settings = wiring.read_settings(config=say.config)
        clock = SystemClock().now().replace(microsecond=0)
        self.now: datetime = clock if at is None else read_instant(at, "--at", now=clock, timezone="UTC")
        self.book: BudgetBook = wiring.build_budgets(self.settings)
        for budget in self.book.defined():
            reclaim(self.book, budget, self.settings, now=self.now, warn=self.say.warn)

    def answer(
        self, budgets: Sequence[Budget], lines: Callable[[Sequence[shapes.BudgetStateShape]], list[str]]
    ) -> None:
        """Print *budgets* with what is left of them."""
        from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light
        from gridtide.domain.instants import isoformat  # noqa: PLC0415

        states = [self._state(budget) for budget in budgets]
        answer = {
            "now": isoformat(self.now),
            "file": str(wiring.budgets_path(self.settings)),
            "budgets": states,
            "warnings": self.say.warnings,
        }
        self.say.answer(answer, lines(states))

    def _state(self, budget: Budget) -> shapes.BudgetStateShape:
        from gridtide.cli import payload  # noqa: PLC0415 - keeps --help light

        state = self.book.state(budget, now=self.now)
        periods = self.book.totals(budget, now=self.now, periods=_PERIODS)
        return {
            "name": budget.name,
            "allowance_g": budget.grams,
            "period_s": budget.period.total_seconds(),
            "mode": str(budget.mode),
            "carry_over_percent": round(100.0 * budget.carry_over, 6),
            "warn_at_percent": round(100.0 * budget.warn_at, 6),
            "available_g": round(state.available_g, 6),
            "reserved_g": round(state.reserved_g, 6),
            "spent_g": round(state.spent_g, 6),
            "runs": state.runs,
            "exhausted_at": payload.instant(self.book.exhausted_at(budget, now=self.now)),
            "periods": [_period(budget, totals) for totals in periods],
            "rebound": _rebound(periods),
        }


def _period(budget: Budget, totals: PeriodTotals) -> shapes.BudgetPeriodShape:
    from gridtide.domain.instants import isoformat  # noqa: PLC0415 - keeps --help light

    return {
        "start": isoformat(totals.start),
        "end": isoformat(totals.start + budget.period),
        "runs": totals.runs,
        "emissions_g": round(totals.grams, 6),
        "run_now_emissions_g": None if totals.run_now_grams is None else round(totals.run_now_grams, 6),
        "saved_g": None if totals.saved_g is None else round(totals.saved_g, 6),
    }


def _rebound(periods: Sequence[PeriodTotals]) -> shapes.ReboundShape | None:
    from gridtide.accounting.rebound import rebound  # noqa: PLC0415 - keeps --help light

    before, last = periods[-2:]
    found = rebound(runs_before=before.runs, grams_before=before.grams, runs=last.runs, grams=last.grams)
    if found is None:
        return None
    return {
        "runs_change_percent": round(100.0 * found.runs_change, 6),
        "per_run_change_percent": round(100.0 * found.per_run_change, 6),
        "emissions_change_percent": round(100.0 * found.grams_change, 6),
        "is_rebound": found.is_rebound,
    }


def _table(budgets: Sequence[shapes.BudgetStateShape]) -> list[str]:
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light

    if not budgets:
        return ["no budgets; `gridtide budget set NAME --grams G --period 7d` makes one"]
    rows = [("budget", "mode", "left g", "reserved g", "allowance", "ends")]
    rows += [
        (
            b["name"],
            b["mode"],
            f"{b['available_g']:.0f}",
            f"{b['reserved_g']:.0f}",
            _allowance(b),
            b["exhausted_at"] or "not at this rate",
        )
        for b in budgets
    ]
    return wording.columns(rows, right=frozenset({2, 3}))


def _page(budgets: Sequence[shapes.BudgetStateShape]) -> list[str]:
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light

    (b,) = budgets
    left = f"{b['available_g']:.0f} g" if b["available_g"] >= 0 else f"overdrawn by {-b['available_g']:.0f} g"
    pairs = [
        ("allowance", f"{_allowance(b)}, {b['mode']} when used up"),
        ("left", f"{left}, {b['reserved_g']:.0f} g reserved besides"),
        ("ends", b["exhausted_at"] or "not at the rate of the last period"),
        ("so far", f"{b['runs']} runs, {b['spent_g']:.0f} g"),
    ]
    rows = [("period from", "runs", "g", "g at once", "saved g")]
    rows += [
        (p["start"], str(p["runs"]), f"{p['emissions_g']:.0f}", _grams(p["run_now_emissions_g"]), _grams(p["saved_g"]))
        for p in b["periods"]
        if p["runs"]
    ]
    lines = [b["name"], *wording.fields(pairs)]
    if len(rows) > 1:
        lines += ["", *wording.columns(rows, right=frozenset({1, 2, 3, 4}), indent="  ")]
    rebound = b["rebound"]
    if rebound is not None:
        word = (
            "rebound: runs became cleaner, but emissions rose" if rebound["is_rebound"] else "against the period before"
        )
        changes = (
            f"runs {rebound['runs_change_percent']:+.0f} %, grams per run {rebound['per_run_change_percent']:+.0f} %, "
            f"emissions {rebound['emissions_change_percent']:+.0f} %"
        )
        lines += ["", f"  {word}: {changes}"]
    return lines


def _allowance(budget: shapes.BudgetStateShape) -> str:
    from gridtide.domain.durations import format_duration  # noqa: PLC0415 - keeps --help light

    return f"{budget['allowance_g']:g} g per {format_duration(timedelta(seconds=budget['period_s']))}"


def _grams(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f}"


command.callback(invoke_without_command=True)(flattened(default))
command.command("list", cls=Command)(flattened(show_all))
command.command("show", cls=Command)(flattened(show))
command.command("set", cls=Command)(flattened(set_))
command.command("remove", cls=Command)(flattened(remove))
