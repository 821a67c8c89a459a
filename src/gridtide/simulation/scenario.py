"""
What is to be simulated, as a file says it: zones, work, policies, what is known, and what goes wrong.

TOML, YAML and JSON alike. Unknown keys are refused with a suggestion, durations carry their unit, times their offset.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from gridtide.config.document import read_document
from gridtide.domain.errors import CarbonError, ConfigurationError, InvalidInput
from gridtide.domain.interval import Interval
from gridtide.simulation.specs import (
    BeliefSpec,
    FaultSpec,
    Instant,
    Part,
    PolicySpec,
    TransferSpec,
    WorkSpec,
    ZoneSpec,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

__all__ = ["Scenario", "read_scenario"]


_WRITTEN: Final = {"elasticity": "class"}
"""Keys that a file writes in another way."""

_LISTS: Final = frozenset({"zones", "workloads", "policies", "faults"})


class Scenario(Part):
    """
    Everything one simulation depends on.

    Attributes:
        name: For the report.
        start: First arrival.
        end: Arrivals stop, and jobs whose bounds reach further are not drawn.
        seed: Of every draw.
        path: ``events`` runs the engine, ``vectors`` one pass over arrays where it gives the same, ``auto`` takes
            vectors where it can for many jobs.
        work: The only kind of work.
        workloads: Several kinds of work, instead of *work*.
    """

    name: str = Field(min_length=1, max_length=200)
    start: Instant
    end: Instant
    seed: int = Field(default=0, ge=0)
    path: Literal["auto", "events", "vectors"] = "auto"
    zones: tuple[ZoneSpec, ...] = Field(min_length=1, max_length=500)
    work: WorkSpec = WorkSpec()
    workloads: tuple[WorkSpec, ...] = Field(default=(), max_length=50)
    policies: tuple[PolicySpec, ...] = Field(min_length=1, max_length=50)
    belief: BeliefSpec = BeliefSpec()
    transfer: TransferSpec = TransferSpec()
    faults: tuple[FaultSpec, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        if self.end <= self.start:
            raise ValueError(f"end {self.end.isoformat()} is not after start {self.start.isoformat()}")
        self._check_work()
        named = (
            ("zone", [zone.name for zone in self.zones]),
            ("policy", [policy.name for policy in self.policies]),
            ("workload", [work.label for work in self.workloads]),
        )
        for kind, names in named:
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                own = "; give each a name of its own" if kind == "workload" else ""
                raise ValueError(f"{kind} {twice[0]!r} is named twice{own}")
        self._check_names()
        silent = [zone.name for zone in self.zones if zone.forecasts is None]
        if self.belief.kind == "issued" and silent:
            raise ValueError(f"the belief is issued, but zone {silent[0]!r} names no forecasts")
        return self

    def _check_work(self) -> None:
        """Work is said in one way, and the names of several kinds can stand before those of their jobs."""
        if self.workloads and "work" in self.model_fields_set:
            raise ValueError("work and workloads are both there; keep one of them")
        if not self.workloads and "workloads" in self.model_fields_set and "work" not in self.model_fields_set:
            raise ValueError("workloads is empty; name a kind of work, or leave it out")
        parted = [work.label for work in self.workloads if "/" in work.label]
        if parted:
            raise ValueError(f"workload {parted[0]!r} has a slash in its name, which parts it from those of its jobs")

    def _check_names(self) -> None:
        """Names of zones must be zones; a policy that moves work needs somewhere to go."""
        known = [zone.name for zone in self.zones]
        faulty = [fault.zone for fault in self.faults if fault.zone]
        key = "workloads" if self.workloads else "work"
        named = [("faults.zone", faulty)]
        for work in self.kinds:
            named += [(f"{key}.homes", [*work.homes]), (f"{key}.regions", [*work.regions])]
        for place, names in named:
            for name in names:
                if name not in known:
                    meant = _meant(name, known)
                    known_zones = f"zones of the scenario: {', '.join(known)}"
                    raise ValueError(f"{place} names {name[:40]!r}; {known_zones}{f'; {meant}' if meant else ''}")
        taken: dict[str, str] = {}
        for zone in self.zones:
            for name in (zone.name, *zone.aliases):
                if taken.setdefault(name, zone.name) != zone.name:
                    raise ValueError(f"{name[:40]!r} names both {taken[name]!r} and {zone.name!r}")
        moving = [policy.name for policy in self.policies if policy.routes]
        if moving and len(known) == 1:
            raise ValueError(f"policy {moving[0]!r} may run in any place, but there is one zone only")

    @property
    def kinds(self) -> tuple[WorkSpec, ...]:
        """Every kind of work."""
        return self.workloads or (self.work,)

    def of(self, work: WorkSpec) -> Scenario:
        """The same scenario with that kind of work alone."""
        return self.model_copy(update={"work": work, "workloads": ()})

    def with_each_kind(self, change: Callable[[WorkSpec], WorkSpec]) -> Scenario:
        """The same scenario with every kind of work changed."""
        kinds = {"work": change(self.work), "workloads": tuple(change(work) for work in self.workloads)}
        return self.model_copy(update=kinds)

    def tolerating(self, bad_rows: int) -> Scenario:
        """The same scenario, in which so many bad rows of each trace are left out."""
        return self.with_each_kind(lambda work: work.model_copy(update={"max_errors": bad_rows}))

    @property
    def routes(self) -> bool:
        """Whether any policy may move work to another zone."""
        return any(policy.routes for policy in self.policies)

    @property
    def window(self) -> Interval:
        """From the first arrival to the end."""
        return Interval(self.start, self.end)


def read_scenario(path: Path) -> Scenario:
    """
    Read a scenario; files it names are relative to its own folder.

    Raises:
        ConfigurationError: The file cannot be read as TOML, YAML or JSON.
        InvalidInput: A key or value is not allowed; the message names its place.
    """
    if not path.exists():
        raise ConfigurationError(
            f"{path} is not there", hint="gridtide simulate --init > scenario.toml writes one to start from"
        )
    tree = _plain(read_document(path))
    try:
        scenario = Scenario.model_validate(tree)
    except ValidationError as error:
        raise _refusal(path, error) from None
    except CarbonError as error:
        raise InvalidInput(f"{path.name}: {error.message}", hint=error.hint) from None
    base = path.resolve().parent
    zones = tuple(_beside(zone, base) for zone in scenario.zones)

    def found(work: WorkSpec) -> WorkSpec:
        return work.model_copy(update={"file": base / work.file}) if work.file else work

    return scenario.with_each_kind(found).model_copy(update={"zones": zones})


def _beside(zone: ZoneSpec, base: Path) -> ZoneSpec:
    named = {"file": zone.file, "forecasts": zone.forecasts}
    return zone.model_copy(update={key: base / path for key, path in named.items() if path is not None})


def _refusal(path: Path, error: ValidationError) -> InvalidInput:
    """The first thing that is wrong, with its place and what to do; how many more there are."""
    first = error.errors()[0]
    count = len({(str(found["msg"]), repr(found.get("input"))) for found in error.errors()})
    place = ".".join(str(part) for part in first["loc"])
    what, hint = _fault(first, place)
    more = f" (and {count - 1} more)" if count > 1 else ""
    line = _line_of(path, first)
    where = f"{path.name}:{line}" if line else path.name
    return InvalidInput(f"{where}: {what}{more}", hint=hint, field=place or None, line=line)


def _line_of(path: Path, first: ErrorDetails) -> int | None:
    """The one line that writes the refused value under its key; None where no line, or more than one, does."""
    key = next((part for part in reversed(first["loc"]) if isinstance(part, str)), None)
    value = first.get("input")
    if key is None or isinstance(value, dict | list) or value is None:
        return None
    words = rf"""(?<![\w-]){re.escape(key)}["']?\s*[=:]\s*["']?{re.escape(str(value))}["']?\s*(?:[,}}#]|$)"""
    written = re.compile(words, re.IGNORECASE)
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    found = [number for number, line in enumerate(lines, start=1) if written.search(line)]
    return found[0] if len(found) == 1 else None


def _fault(first: ErrorDetails, place: str) -> tuple[str, str | None]:
    shown = repr(first.get("input"))[:60]
    if first["type"] == "extra_forbidden":
        *parents, key = first["loc"]
        meant = _meant(str(key), _keys_at(tuple(parents))) or "see the page on scenario files"
        if key in _WRITTEN:
            meant = f"keep one of {_WRITTEN[str(key)]} and {key}"
        return f"{place} is no key of a scenario", meant
    if first["type"] == "missing":
        return f"{place} is missing", "gridtide simulate --init shows one"
    if first["type"] == "tuple_type" and place in _LISTS:
        return f"{place} is {shown}; allowed: a list", f"in TOML write [[{place}]] before each entry"
    if first["type"] in {"literal_error", "enum"}:
        allowed = re.findall(r"'([^']*)'", str(first.get("ctx", {})["expected"]))
        return f"{place} is {shown}; allowed: {', '.join(allowed)}", _meant(str(first.get("input")), allowed)
    why = str(first["msg"]).removeprefix("Value error, ")
    country = first["type"] == "string_pattern_mismatch"
    hint = "a country is two capital letters, like SE" if country else None
    return (f"{place} is {shown}: {why}" if place else why), hint


def _meant(word: str, known: Sequence[str]) -> str | None:
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]!r}?" if close else None


def _keys_at(place: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Scenario
    parts: dict[str, type[BaseModel]] = {
        "zones": ZoneSpec,
        "work": WorkSpec,
        "workloads": WorkSpec,
        "policies": PolicySpec,
        "belief": BeliefSpec,
        "transfer": TransferSpec,
        "faults": FaultSpec,
    }
    for part in place:
        model = parts.get(str(part), model)
    return [_WRITTEN.get(name, name) for name in model.model_fields]


def _plain(value: Any) -> Any:
    """YAML leaves stay text in our reader; numbers and booleans written there mean what JSON would mean."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
