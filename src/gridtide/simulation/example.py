"""The scenario that ``gridtide simulate --init`` prints; it runs as it stands, on data that come with the package."""

from __future__ import annotations

from typing import Final

__all__ = ["SCENARIO"]

SCENARIO: Final = """\
# What would two weeks of flexible jobs have saved in two zones?  gridtide simulate scenario.toml --html report.html
name = "Two weeks in May"
start = "2022-05-02T00:00Z"   # first arrival; forecasts learn from the weeks before it
end = "2022-05-16T00:00Z"     # every job can end before this
seed = 1                      # of every draw: the same seed gives the same jobs and errors

# A recorded zone needs a name only. Any other: file = "zone.csv" (time,value with an offset), unit = "gCO2eq/kWh".
[[zones]]
name = "US-CAL-CISO"
# room = 20                   # jobs that may run at once
# pue = 1.2                   # power usage effectiveness of the site
# country = "US"              # for residency; cloud = "gcp:us-west2" gives it too, with the distances

[[zones]]
name = "US-MIDA-PJM"

[work]
generator = "even"            # even | workdays | nightly; or a trace: file = "jobs.csv", and
                              # format = "csv" | "sacct" | "nomad" | "kubernetes"
count = 100                   # jobs per zone
duration = "1h..6h"           # drawn evenly; one value fixes it
slack = "0s..24h"             # how much later than at once a job may start
power_w = 1000
# interruptible = true
# class = "elastic"           # hard | soft: starts when it arrives; several kinds of work: [[workloads]] for each
# length_spread = 0.3         # true lengths differ from declared ones (log-normal)
# homes = ["US-CAL-CISO"]     # where drawn jobs arise; every zone when left out
# data_gb = "0..50"           # moves with a job; regions = [...], residency = ["US"], latency_budget_ms = 80 bind it

[belief]                      # what the policies are told
kind = "history"              # history: own forecast from the past | issued: recorded ones | ar1, white: drawn errors
                              # perfect: the future itself, an upper bound

[[policies]]
name = "run-now"
method = "run-now"

[[policies]]
name = "threshold 40 %"       # start when the grid is in its cleanest 40 % of the last month
method = "threshold"
percentile = 40

[[policies]]
name = "lowest window"        # the cheapest start in the forecast, planned again every hour
method = "lowest-window"

# [[policies]]
# name = "time and place"
# method = "lowest-window"
# places = "any"              # also weighs the other zones, with what moving the data costs; home is the default
# move_margin = 0.1           # least share of the home emissions that a move must save
# accept_uncertain = true     # also move where the published transfer figures disagree about the sign

# [transfer]
# kwh_per_gb = [0.001, 0.04, 0.059]   # lowest, middle and highest published figure
# mbit_per_s = 160

# [[faults]]                  # data that fail: outage | unit | stale
# kind = "outage"
# start = "2022-05-05T00:00Z"
# end = "2022-05-06T00:00Z"
"""
