"""Rules, alarms, incidents, tasks, fault clocks and availability: everything dcmon decides about readings. All pure."""

from dcmon.thresholds.availability import Measure, Verdict, measure, period
from dcmon.thresholds.controls import catalogue
from dcmon.thresholds.engine import Judge
from dcmon.thresholds.intervals import IndicatorView
from dcmon.thresholds.steps import StepDetector

__all__ = [
    "IndicatorView",
    "Judge",
    "Measure",
    "StepDetector",
    "Verdict",
    "catalogue",
    "measure",
    "period",
]
