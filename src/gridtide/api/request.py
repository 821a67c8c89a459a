"""What a caller may say about a piece of work, and the workload it becomes under the settings."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

from gridtide.accounting.draw import draw_of
from gridtide.api.aim import Aim, check_price_series
from gridtide.config.settings import Settings
from gridtide.config.walltime import local_timezone, read_time
from gridtide.domain.durations import parse_duration
from gridtide.domain.effect import check_name
from gridtide.domain.errors import InvalidInput
from gridtide.domain.workload import Elasticity, OnNoData, Workload
from gridtide.planning.options import Method

if TYPE_CHECKING:
    from pathlib import Path

    from gridtide.domain.series import Series

__all__ = ["WorkRequest", "drawing", "instant_of", "span_of"]

_CODE_LENGTH: Final = 2
_ANY_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NUMBERS: Final = ("power_w", "vcpus", "memory_gb", "gpus", "load", "pue", "data_gb")
_MACHINE: Final = ("vcpus", "memory_gb", "gpu", "gpus", "processor", "load", "pue")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRequest:
    """
    One piece of work, in the caller's words.

    Args:
        elasticity: Hard, soft or elastic.
        name: Of the work; with it the maximum delay counts from the first question.
        duration: How long it runs, as text with its unit or a timedelta.
        deadline: Must be done by: a datetime, or text such as ``07:00``.
        max_delay: Longest wait; that of the settings when left out and no deadline is given.
        threshold: Highest value to start at; that of the settings when left out. [gCO2eq/kWh]
        power_w: Electrical power while running. [W]
        vcpus: Virtual processors, where the power is not known; see `gridtide.accounting.draw.draw_of`.
        memory_gb: Memory it occupies. [GB]
        gpu: Model of its accelerators, like ``a100``.
        gpus: How many of them.
        processor: Of an own server, for its thermal design power.
        load: Mean load of processors and accelerators. [0..1]
        pue: Power usage effectiveness of the site.
        data_gb: Data that would move with it. [GB]
        residency: Countries its data may be in, like ``("SE", "FI")``.
        may_move: Whether a cleaner region may be recommended, where the settings allow that; `run` and decorated
            functions work where they are called, so theirs is always at home.
        interruptible: May be paused and continued.
        min_saving: Smallest saving worth a wait; that of the settings when left out. [percent]
        on_no_data: ``profile``, ``run`` or ``wait``; that of the settings when left out.
        method: Policy in time.
        risk: What to make of a forecast that may be wrong: ``expected``, ``hedged`` or ``cautious``; that of the
            settings when left out.
        carbon_price: Internal price of carbon, for a plan by cost and carbon; that of the settings when left out.
            [EUR/t]
        price_series: Electricity prices for it, as a series or the path of a file; the day-ahead auction of the place
            when left out. [EUR/MWh]
        learn_duration: Plan with the lengths of past runs of that *name*, and remember this one's.
        budget: Carbon budget to draw on, as ``gridtide budget set`` named it; for `run` and `carbon_aware` only, which
            see the work end. That of the settings when left out.

    Raises:
        InvalidInput: A value cannot be meant; the message names the detail and what is allowed.
    """

    elasticity: Elasticity = Elasticity.ELASTIC
    name: str = ""
    duration: timedelta | str = timedelta(hours=1)
    deadline: datetime | str | None = None
    max_delay: timedelta | str | None = None
    threshold: float | None = None
    power_w: float | None = None
    vcpus: float | None = None
    memory_gb: float | None = None
    gpu: str | None = None
    gpus: int | None = None
    processor: str | None = None
    load: float | None = None
    pue: float | None = None
    data_gb: float = 0.0
    residency: Iterable[str] = ()
    may_move: bool = True
    interruptible: bool = False
    min_saving: float | None = None
    on_no_data: str | None = None
    method: str = "auto"
    risk: str | None = None
    carbon_price: float | None = None
    price_series: Series | Path | str | None = None
    learn_duration: bool = False
    budget: str | None = None

    def __post_init__(self) -> None:
        """Refuse at once what would otherwise fail, or be misread, at the first question."""
        _require("name", self.name, isinstance(self.name, str), "text")
        if self.name:
            check_name(self.name, field="name")
        span_of(self.duration, "duration")
        if self.max_delay is not None:
            span_of(self.max_delay, "max_delay", allow_zero=True)
        if self.threshold is not None:
            _require("threshold", self.threshold, _is_number(self.threshold, 0.0), "zero or more gCO2eq/kWh")
        if self.min_saving is not None:
            _require("min_saving", self.min_saving, _is_number(self.min_saving, 0.0, 99.0), "0 to 99 percent")
        _require("may_move", self.may_move, isinstance(self.may_move, bool), "True or False")
        _require("interruptible", self.interruptible, isinstance(self.interruptible, bool), "True or False")
        object.__setattr__(self, "residency", _countries(self.residency))
        if self.on_no_data is not None:
            _require("on_no_data", self.on_no_data, self.on_no_data in tuple(OnNoData), ", ".join(OnNoData))
        _require("method", self.method, self.method in tuple(Method), ", ".join(Method))
        for name in _NUMBERS:  # their bounds are those of `draw_of` and of the workload
            value = getattr(self, name)
            _require(name, value, value is None or _is_real(value), "a number")
        for name in ("gpu", "processor"):
            value = getattr(self, name)
            _require(name, value, value is None or isinstance(value, str), "the name of a model")
        check_price_series(self.price_series)
        Aim.of(Settings(), risk=self.risk, carbon_price=self.carbon_price, bounded=self.threshold is not None)
        self._check_records()

    def _check_records(self) -> None:
        """A name and a power, where the records need them."""
        _require("learn_duration", self.learn_duration, isinstance(self.learn_duration, bool), "True or False")
        if self.learn_duration and not self.name:
            raise InvalidInput(
                "learn_duration needs the name of the work, to find its past runs by",
                hint="add name='nightly-etl'",
                field="name",
            )
        if self.budget is None:
            return
        _require("budget", self.budget, isinstance(self.budget, str), "the name of a budget")
        if self.budget:
            check_name(self.budget, field="budget")
        machine = (self.power_w, self.vcpus, self.memory_gb, self.gpu, self.processor)
        if self.budget and all(value is None for value in machine):
            raise InvalidInput(
                "a budget counts grams, but the power of the work is not known",
                hint="add power_w=..., or the machine it occupies, like vcpus=8",
                field="power_w",
            )

    @classmethod
    def of(cls, elasticity: Elasticity | str, details: Mapping[str, Any]) -> WorkRequest:
        """
        Request from keywords.

        Raises:
            InvalidInput: An unknown elasticity or keyword, with the nearest one that exists.
        """
        try:
            known = Elasticity(str(elasticity).lower())
        except ValueError:
            raise InvalidInput(
                f"elasticity is {str(elasticity)[:40]!r}; allowed: {', '.join(Elasticity)}", field="elasticity"
            ) from None
        names = [field.name for field in fields(cls) if field.name != "elasticity"]
        for name in details:
            _require_known(name, names, "detail of work")
        return cls(**{**details, "elasticity": known})

    def require_usable(self) -> None:
        """
        Refuse what cannot be meant under any settings, before the first question.

        Raises:
            InvalidInput: A detail cannot be used; the message names it.
        """
        self.workload(Settings(timezone="UTC"), home="", now=_ANY_DAY, first_asked=_ANY_DAY)

    @property
    def length(self) -> timedelta:
        """How long it runs."""
        return span_of(self.duration, "duration")

    def aim(self, settings: Settings) -> Aim:
        """What it weighs besides carbon, under *settings*."""
        return Aim.of(
            settings,
            risk=self.risk,
            carbon_price=self.carbon_price,
            price_series=self.price_series,
            bounded=self.threshold is not None,
        )

    def workload(self, settings: Settings, *, home: str, now: datetime, first_asked: datetime) -> Workload:
        """
        The work under *settings*, bounded whatever was left out.

        Args:
            settings: Defaults.
            home: Region it is in.
            now: For a time of day as deadline.
            first_asked: Since when it may start; the maximum delay counts from here.
        """
        policies = settings.policies
        deadline = instant_of(self.deadline, settings, now)
        delay = policies.max_delay if self.max_delay is None else span_of(self.max_delay, "max_delay", allow_zero=True)
        draw = draw_of(
            power_w=self.power_w,
            vcpus=self.vcpus,
            memory_gb=self.memory_gb,
            gpu=self.gpu,
            gpus=self.gpus,
            processor=self.processor,
            load=self.load,
            pue=self.pue,
            place=home,
        )
        saving = policies.min_saving if self.min_saving is None else self.min_saving
        return Workload(
            id=self.name or "work",
            duration=span_of(self.duration, "duration"),
            elasticity=self.elasticity,
            release=first_asked,
            deadline=deadline,
            max_delay=None if deadline is not None and self.max_delay is None else delay,
            power_w=None if draw is None else draw.power_w,
            pue=1.0 if draw is None else draw.pue,
            data_gb=self.data_gb,
            residency=frozenset(self.residency),
            interruptible=self.interruptible,
            home=home,
            min_saving=saving / 100.0,
            on_no_data=OnNoData(self.on_no_data or policies.on_no_data),
        )


def drawing(workload: Workload, machine: Mapping[str, Any]) -> Workload:
    """
    *workload* with the power of *machine*, in the words of `gridtide.accounting.draw.draw_of`.

    Raises:
        InvalidInput: An unknown word, a machine that is not known, or a power that *workload* states already.
    """
    for name in machine:
        _require_known(name, _MACHINE, "part of a machine")
    if not machine:
        return workload
    stated = workload.mean_power_w is not None
    if stated and set(machine) != {"pue"}:
        raise InvalidInput(
            f"the power of {workload.id[:40]!r} is stated already, so {', '.join(machine)} cannot say it again",
            hint="leave out power_w of the workload, or the machine",
            field=next(iter(machine)),
        )
    draw = draw_of(power_w=workload.power_w, **machine, place=workload.home)
    return workload if draw is None else replace(workload, power_w=draw.power_w, pue=draw.pue)


def _require_known(name: str, known: Sequence[str], what: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
    raise InvalidInput(f"{name[:40]!r} is no {what}", hint=hint, field=name[:40])


def _require(field: str, value: object, holds: bool, allowed: str) -> None:  # noqa: FBT001 - the condition itself
    if not holds:
        raise InvalidInput(f"{field} is {str(value)[:40]!r}; allowed: {allowed}", field=field)


def _is_number(value: Any, low: float, high: float = sys.float_info.max) -> bool:
    return _is_real(value) and bool(low <= value <= high)


def _is_real(value: Any) -> bool:
    """Whether it is a number that a float can hold."""
    too_large = isinstance(value, int) and abs(value) > sys.float_info.max
    return not isinstance(value, bool) and isinstance(value, Real) and not too_large


def _countries(given: Iterable[str] | str) -> frozenset[str]:
    """Country codes; one text may hold several, as on the command line."""
    codes = given.split(",") if isinstance(given, str) else list(given)
    found = frozenset(str(code).strip().upper() for code in codes)
    for code in found:
        plain = len(code) == _CODE_LENGTH and code.isascii() and code.isalpha()
        _require("residency", code, plain, "two-letter country codes, like ('SE', 'FI')")
    return found


def span_of(value: timedelta | str, field: str, *, allow_zero: bool = False) -> timedelta:
    """Duration given as a timedelta or as text with its unit; a bare number is refused."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise InvalidInput(
            f"{field} is {value!r}; allowed: a timedelta, or text with its unit like '90m'",
            hint="a number without a unit could be seconds or minutes",
            field=field,
        )
    return parse_duration(value, field=field, allow_zero=allow_zero)


def instant_of(value: datetime | str | None, settings: Settings, now: datetime) -> datetime | None:
    """Deadline given as a datetime or as text, a time of day meaning its next occurrence after *now*."""
    import os  # noqa: PLC0415 - the machine's time zone, for a wall time only

    if value is None or isinstance(value, datetime):
        return value
    _require("deadline", value, isinstance(value, str), "a datetime, or text such as 07:00")
    zone = settings.timezone or local_timezone(os.environ)
    return read_time(value, now=now, timezone=zone, field="deadline")
