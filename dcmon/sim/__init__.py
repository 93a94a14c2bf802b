"""A simulated data centre: the plant as a function of time, behind real SNMP agents and Modbus servers."""

from dcmon.sim.plant import Plant
from dcmon.sim.readings import canonical_readings
from dcmon.sim.scenarios import SCENARIOS, Scenario
from dcmon.sim.site import SimulatedSite

__all__ = ["SCENARIOS", "Plant", "Scenario", "SimulatedSite", "canonical_readings"]
