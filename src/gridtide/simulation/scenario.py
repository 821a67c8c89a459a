"""
What is to be simulated, as a file says it: zones, work, policies, what is known, and what goes wrong.

TOML, YAML and JSON alike. Unknown keys are refused with a suggestion, durations carry their unit, times their offset.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from gridtide.config.document import read_document
from gridtide.domain.errors import CarbonError, InvalidInput
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
    from pathlib import Path

__all__ = ["Scenario", "read_scenario"]


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
    """

    name: str = Field(min_length=1, max_length=200)
    start: Instant
    end: Instant
    seed: int = Field(default=0, ge=0)
    path: Literal["auto", "events", "vectors"] = "auto"
    zones: tuple[ZoneSpec, ...] = Field(min_length=1, max_length=500)
    work: WorkSpec = WorkSpec()
    policies: tuple[PolicySpec, ...] = Field(min_length=1, max_length=50)
    belief: BeliefSpec = BeliefSpec()
    transfer: TransferSpec = TransferSpec()
    faults: tuple[FaultSpec, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        if self.end <= self.start:
            raise ValueError(f"end {self.end.isoformat()} is not after start {self.start.isoformat()}")
        for kind, names in (("zone", [z.name for z in self.zones]), ("policy", [p.name for p in self.policies])):
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise ValueError(f"{kind} {twice[0]!r} is named twice")
        self._check_names()
        silent = [zone.name for zone in self.zones if zone.forecasts is None]
        if self.belief.kind == "issued" and silent:
            raise ValueError(f"the belief is issued, but zone {silent[0]!r} names no forecasts")
        return self

    def _check_names(self) -> None:
        """Names of zones must be zones; a policy that moves work needs somewhere to go."""
        known = [zone.name for zone in self.zones]
        faulty = [fault.zone for fault in self.faults if fault.zone]
        named = {"work.homes": self.work.homes, "work.regions": self.work.regions, "faults.zone": faulty}
        for place, names in named.items():
            for name in names:
                if name not in known:
                    close = difflib.get_close_matches(name, known, 1)
                    meant = f"; did you mean {close[0]!r}?" if close else ""
                    raise ValueError(f"{place} names {name[:40]!r}; zones of the scenario: {', '.join(known)}{meant}")
        taken: dict[str, str] = {}
        for zone in self.zones:
            for name in (zone.name, *zone.aliases):
                if taken.setdefault(name, zone.name) != zone.name:
                    raise ValueError(f"{name[:40]!r} names both {taken[name]!r} and {zone.name!r}")
        moving = [policy.name for policy in self.policies if policy.routes]
        if moving and len(known) == 1:
            raise ValueError(f"policy {moving[0]!r} may run in any place, but there is one zone only")

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
    tree = _plain(read_document(path))
    try:
        scenario = Scenario.model_validate(tree)
    except ValidationError as error:
        raise _refusal(path, error) from None
    except CarbonError as error:
        raise InvalidInput(f"{path.name}: {error.message}", hint=error.hint) from None
    base = path.resolve().parent
    zones = tuple(_beside(zone, base) for zone in scenario.zones)
    work = scenario.work
    if work.file:
        work = work.model_copy(update={"file": base / work.file})
    return scenario.model_copy(update={"zones": zones, "work": work})


def _beside(zone: ZoneSpec, base: Path) -> ZoneSpec:
    named = {"file": zone.file, "forecasts": zone.forecasts}
    return zone.model_copy(update={key: base / path for key, path in named.items() if path is not None})


def _refusal(path: Path, error: ValidationError) -> InvalidInput:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        *parents, key = first["loc"]
        close = difflib.get_close_matches(str(key), _keys_at(tuple(parents)), 1)
        hint = f"did you mean {close[0]!r}?" if close else "see the page on scenario files"
        return InvalidInput(f"{path.name}: {place} is no key of a scenario", hint=hint, field=place)
    why = str(first["msg"]).removeprefix("Value error, ")
    shown = repr(first.get("input"))[:60]
    if first["type"] == "missing":
        return InvalidInput(f"{path.name}: {place} is missing", hint="gridtide simulate --init shows one", field=place)
    if first["type"] == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(first["ctx"]["expected"]))
        close = difflib.get_close_matches(str(first.get("input")), allowed, 1)
        meant = f"did you mean {close[0]!r}?" if close else None
        return InvalidInput(f"{path.name}: {place} is {shown}; allowed: {', '.join(allowed)}", hint=meant, field=place)
    message = f"{path.name}: {place or 'scenario'} is {shown}: {why}" if place else f"{path.name}: {why}"
    return InvalidInput(message, field=place or None)


def _keys_at(place: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Scenario
    parts: dict[str, type[BaseModel]] = {
        "zones": ZoneSpec,
        "work": WorkSpec,
        "policies": PolicySpec,
        "belief": BeliefSpec,
        "transfer": TransferSpec,
        "faults": FaultSpec,
    }
    for part in place:
        model = parts.get(str(part), model)
    return list(model.model_fields)


def _plain(value: Any) -> Any:
    """YAML leaves stay text in our reader; numbers and booleans written there mean what JSON would mean."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
