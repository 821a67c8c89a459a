"""Work that may go elsewhere: it hears of other places, and is planned anew when one is full."""

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.ports import Reading
from gridtide.domain.workload import Workload
from gridtide.engine.engine import Engine
from gridtide.planning.question import answer
from support import HOUR, T0, at, hourly


def reading(*values):
    return Reading(series=hourly(*values), step=FreshnessStep.LIVE)


def counted(asked):
    """An engine that keeps every question."""

    def decide(question):
        asked.append(question)
        return answer(question)

    return Engine(decide=decide)


def work(engine, **more):
    job = Workload(id="etl", duration=HOUR, deadline=at(8))
    return engine.admit(job, "1", now=T0, zone="X", **more)


def test_new_values_of_another_place_have_the_work_planned_again():
    """Only work that was admitted with that place is asked about."""
    asked = []
    engine = counted(asked)
    here, there = reading(300, 300, 200, 100, 300, 300, 300, 300), reading(50, 50)
    work(engine, also=("Y",))
    work(engine)
    engine.cycle(T0, {"X": here})
    engine.cycle(at(0.5), {"X": here, "Y": there})

    assert len(asked) == 3
    assert engine.watches("Y")


def test_a_full_place_has_the_work_planned_without_its_old_plan():
    """The standing plan neither holds nor counts as due; the latest start stands."""
    asked = []
    engine = counted(asked)
    piece = work(engine)
    engine.cycle(T0, {"X": reading(300, 300, 200, 100, 300, 300, 300, 300)})
    step = engine.cycle(at(3))
    assert [order.work for order in step.orders] == [piece]
    engine.unplanned(piece, at(3))
    engine.cycle(at(3))

    assert len(asked) == 2
    assert asked[1].planned is None
    assert piece.forced_ns == piece.latest_ns


def test_work_that_has_gone_is_heard_of_nowhere():
    """Once over, no place wakes it."""
    engine = Engine()
    piece = work(engine, also=("Y", "Z"))
    engine.ended(piece)

    assert not any(engine.watches(zone) for zone in "XYZ")
