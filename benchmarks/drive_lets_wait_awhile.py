"""
Runs in the peer's interpreter with its checkout on the path: its own experiments without noise on one zone.

`bench_lets_wait_awhile.py` starts it in a folder with ``data/zone_ci.csv``. The last line printed is a JSON object
of processor times; the results are the files that the peer writes.
"""

import json
import time

import simulate

simulate.COUNTRIES = ["zone"]


def timed(work, *args, **options):
    began = time.process_time()
    work(*args, **options)
    return time.process_time() - began


times = {"nightly": timed(simulate.periodic_experiment, error=0)}
jobs = simulate.generate_batch_jobs(3387, 4 * 60, 90 * 60, 9 * 60, 17 * 60, workdays_only=True)
values = simulate._load_dataset("data/zone_ci.csv")  # noqa: SLF001 - the peer reads with it itself
values = values[values.index.minute % simulate.MEASUREMENT_INTERVAL == 0]
cases = [(0, False), *((rule, pause) for pause in (False, True) for rule in ("next_workday", "semi_weekly"))]
for rule, pause in cases:
    run = timed(
        simulate.ad_hoc_experiment, "ml", "zone", jobs, values, forecast_method=rule, interruptible=pause, error=0
    )
    times[f"ml {rule} {pause}"] = run
print(json.dumps(times))
