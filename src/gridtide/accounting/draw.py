"""
What a job draws, from what its owner knows: watts, or the machine it occupies, with the source of the figure.

A name of a processor or accelerator is taken as people write it (``a100``, ``EPYC 7742``) and looked up in the
published tables; one that fits several rows, or none, is refused with those that come close.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

from gridtide.accounting import coefficients, energy
from gridtide.accounting.energy import Machine, PowerSource
from gridtide.domain.errors import InvalidInput

__all__ = ["MOST_W", "Draw", "draw_of"]

_CLOUDS = ("aws", "azure", "gcp")
_DEFAULT_CLOUD = "aws"
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """
    Mean power of a job while it runs.

    Args:
        power_w: Before PUE. [W]
        pue: Power usage effectiveness of the site.
        source: Given by its owner, or from published coefficients or TDP.
        relative_error: Half-width of its uncertainty, as a share. [0..1]
        note: The source in words.
    """

    power_w: float
    pue: float = 1.0
    source: PowerSource = PowerSource.GIVEN
    relative_error: float = 0.0
    note: str = ""


MOST_W: Final = 1e8
"""Largest draw that one piece of work is believed to have. [W]"""


def draw_of(
    *,
    power_w: float | None = None,
    vcpus: float | None = None,
    memory_gb: float | None = None,
    gpu: str | None = None,
    gpus: int | None = None,
    processor: str | None = None,
    load: float | None = None,
    pue: float | None = None,
    place: str = "",
) -> Draw | None:
    """
    Mean power from what is given; None when nothing is.

    Args:
        power_w: Known power; not together with a machine. [W]
        vcpus: Virtual processors.
        memory_gb: Memory. [GB]
        gpu: Model of the accelerators.
        gpus: How many of them; 1 when only *gpu* is given.
        processor: Generation in the coefficient table (with *vcpus*), or a whole processor in the TDP table.
        load: Mean load of processors and accelerators; half when left out. [0..1]
        pue: Of the site; that of the cloud region in *place* when left out, else 1.
        place: Cloud region, such as ``aws:eu-west-1``.

    Raises:
        InvalidInput: Values contradict each other, are out of bounds, or name nothing that is known.

    Example:
        >>> round(draw_of(vcpus=8, memory_gb=32, gpu="a100").power_w, 1)
        256.0
    """
    machine = {"vcpus": vcpus, "memory_gb": memory_gb, "gpu": gpu, "gpus": gpus, "processor": processor, "load": load}
    given = [name for name, value in machine.items() if value is not None]
    if pue is not None and not 1.0 <= pue <= 5.0:
        raise InvalidInput(f"pue is {pue:g}; allowed: from 1 to 5", field="pue")
    if power_w is not None:
        if given:
            raise InvalidInput(
                f"power and {given[0]} are both given", hint="the machine is only needed where power is unknown",
                field=given[0],
            )  # fmt: skip
        if not 0 <= power_w < float("inf"):
            raise InvalidInput(f"power_w is {power_w}; allowed: zero or more", field="power_w")
        if power_w > MOST_W:
            raise InvalidInput(
                f"power_w is {power_w:g} W, more than a data centre; allowed: up to {MOST_W:g} W",
                hint="write watts, not milliwatts",
                field="power_w",
            )
        return Draw(power_w=power_w, pue=1.0 if pue is None else pue, note="as given")
    if not given:
        if pue is not None:
            raise InvalidInput("pue is given without a power", hint="add a power or a machine", field="pue")
        return None
    _check(vcpus=vcpus, memory_gb=memory_gb, gpu=gpu, gpus=gpus, processor=processor, load=load)
    return _of_machine(
        vcpus=vcpus, memory_gb=memory_gb or 0.0, gpu=gpu, gpus=gpus, processor=processor,
        load=0.5 if load is None else load, pue=pue, place=place,
    )  # fmt: skip


def _check(
    *,
    vcpus: float | None,
    memory_gb: float | None,
    gpu: str | None,
    gpus: int | None,
    processor: str | None,
    load: float | None,
) -> None:
    for name, value in (("vcpus", vcpus), ("memory_gb", memory_gb)):
        if value is not None and not 0 <= value < float("inf"):
            raise InvalidInput(f"{name} is {value:g}; allowed: zero or more", field=name)
    if gpus is not None and gpu is None:
        raise InvalidInput("gpus are counted but gpu is not named", hint="name the model, like a100", field="gpus")
    if gpus is not None and gpus < 1:
        raise InvalidInput(f"gpus is {gpus}; allowed: 1 or more", field="gpus")
    if load is not None and not 0 <= load <= 1:
        raise InvalidInput(f"load is {load:g}; allowed: from 0 to 1", field="load")
    if not vcpus and gpu is None and processor is None:
        raise InvalidInput(
            "the machine has neither vcpus nor a gpu nor a processor", hint="say how many vcpus it uses", field="vcpus"
        )


def _of_machine(
    *,
    vcpus: float | None,
    memory_gb: float,
    gpu: str | None,
    gpus: int | None,
    processor: str | None,
    load: float,
    pue: float | None,
    place: str,
) -> Draw:
    cloud, _, region = place.lower().partition(":")
    known = cloud in _CLOUDS
    provider = cloud if known else _DEFAULT_CLOUD
    site = coefficients.pue_of(provider, region) if known else None
    effect = pue if pue is not None else site if site is not None else 1.0
    board = "" if gpu is None else _one_of(gpu, coefficients.items("gpu", "all"), "gpu")
    count = 0 if gpu is None else (gpus or 1)
    generation = None if processor is None else _generation(processor, vcpus)
    if processor is not None and generation is None:
        name = _one_of(processor, coefficients.tdp_names(), "processor")
        watts = energy.tdp_power_w(name, threads=0, memory_gb=memory_gb, utilisation=load)
        if count:
            watts += energy.machine_power_w(Machine(vcpus=0, gpus=count, gpu=board, utilisation=load))
        source, note = PowerSource.TDP, f"TDP of {coefficients.tdp_title(name)} at {load:.0%} load"
    else:
        machine = Machine(
            vcpus=vcpus or 0.0, memory_gb=memory_gb, gpus=count, gpu=board, utilisation=load, provider=provider,
            processor=generation or "",
        )  # fmt: skip
        watts, source = energy.machine_power_w(machine), PowerSource.COEFFICIENTS
        per = generation.upper() if generation else f"{provider} average" + ("" if known else ", as no cloud is named")
        note = f"Cloud Carbon Footprint coefficients ({per}) at {load:.0%} load"
    if count:
        note += f", {count} x {board.upper()}"
    return Draw(power_w=watts, pue=effect, source=source, relative_error=energy.relative_error_of(source), note=note)


def _generation(processor: str, vcpus: float | None) -> str | None:
    """Row of the coefficient table, where virtual processors of a generation are meant."""
    if not vcpus:
        return None
    wanted = _plain(processor)
    return next((item for item in coefficients.items("processor", "all") if _plain(item) == wanted), None)


def _one_of(asked: str, names: tuple[str, ...], field: str) -> str:
    """The one name that is or ends like *asked*."""
    wanted = _plain(asked)
    exact = [name for name in names if _plain(name) == wanted]
    found = exact or [name for name in names if wanted and _plain(name).endswith(f" {wanted}")]
    if len(found) == 1:
        return found[0]
    near = found or difflib.get_close_matches(wanted, [_plain(name) for name in names], n=_MOST_NAMED, cutoff=0.5)
    shown = ", ".join(_plain(name) for name in near[:_MOST_NAMED])
    few = ", ".join(_plain(name) for name in names) if len(names) <= 20 else ""
    raise InvalidInput(
        f"{field} {asked[:40]!r} is {'several rows' if found else 'not'} in the tables",
        hint=f"did you mean {shown}?" if shown else f"known: {few}" if few else "give the power in watts",
        field=field,
    )


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())
