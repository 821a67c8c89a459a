"""Public test kit: a clock that moves on command and a fake server of every grid data source."""

from gridtide.testing.answer import Answer, Call, Delivery
from gridtide.testing.clock import FakeClock
from gridtide.testing.fault_book import ActiveFault
from gridtide.testing.faults import Fault
from gridtide.testing.feed import Publication, Row
from gridtide.testing.request_log import LoggedRequest, RequestLog
from gridtide.testing.server import FakeGridServer
from gridtide.testing.waves import flat_series, wave_series

__all__ = [
    "ActiveFault",
    "Answer",
    "Call",
    "Delivery",
    "FakeClock",
    "FakeGridServer",
    "Fault",
    "LoggedRequest",
    "Publication",
    "RequestLog",
    "Row",
    "flat_series",
    "wave_series",
]
