"""What the building's own systems show: dry contacts of fire panels and shell, water under the raised floor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dcmon.sim.waves import Wave


@dataclass(frozen=True, slots=True)
class Contact:
    """One wire on an environment unit, and the asset that speaks through it.

    `closed_when_well`: fail-safe wiring, the contact opens on the fault.
    """

    number: int
    asset: str
    point: str
    index: str
    label: str
    closed_when_well: bool = False

    @property
    def meaning(self) -> str:
        """What scripts call it: `fire-fs1/fire.alarm`."""
        return f"{self.asset}/{self.point}"


def _panel(first: int, section: str, *, unit: str | None = None) -> tuple[Contact, ...]:
    """The contacts of one fire panel; without `unit` only the two of a panel far away, with it also its detector."""
    panel = f"fire-{section}"
    alarm = Contact(first, panel, "fire.alarm", section, f"Fire alarm {section}")
    if unit is None:
        fault = Contact(first + 1, panel, "fire.fault", section, f"Fire panel OK {section}", closed_when_well=True)
        return alarm, fault
    return (
        alarm,
        Contact(first + 1, panel, "fire.pre_alarm", section, f"Fire pre-alarm {section}"),
        Contact(first + 2, panel, "fire.fault", section, f"Fire panel OK {section}", closed_when_well=True),
        Contact(first + 3, panel, "fire.disabled", section, f"Detector disabled {section}"),
        Contact(first + 4, panel, "suppression.released", section, f"Gas released {section}"),
        Contact(first + 5, panel, "smoke_extraction.on", section, f"Smoke extraction {section}"),
        Contact(first + 6, unit, "smoke.detected", "ceiling", f"Smoke ceiling {section}"),
    )


CONTACTS: dict[str, tuple[Contact, ...]] = {
    "env-1": (
        *_panel(1, "fs1", unit="env-1"),
        *_panel(8, "fs3"),
        Contact(10, "shell-1", "glass.broken", "window north", "Glass break window north"),
        Contact(
            11, "shell-1", "intrusion.alarm", "emergency exit north", "Emergency exit north", closed_when_well=True
        ),
    ),
    "env-2": (*_panel(1, "fs2", unit="env-2"), *_panel(8, "fs4")),
}
"""The wiring that config/collectors.yaml maps back to meanings; polarity differs on purpose."""


class Probe(NamedTuple):
    """A sensor of an environment unit. `offset`: deviation from the hall's mean (humidity: the mean itself)."""

    name: str
    unit: str
    offset: float

    def value(self, hall_c: float, swing: float) -> float:
        """degC or per cent; `swing` is -1 to 1."""
        return hall_c + self.offset + 0.2 * swing if self.unit == "C" else self.offset + 1.5 * swing


PROBES: dict[str, tuple[Probe, ...]] = {
    "env-1": (
        Probe("Inlet row 1", "C", -0.4),
        Probe("Inlet row 3", "C", 0.0),
        Probe("Inlet row 5", "C", 0.6),
        Probe("Humidity row 3", "%RH", 44.0),
    ),
    "env-2": (
        Probe("Inlet row 7", "C", 0.3),
        Probe("Inlet row 9", "C", -0.2),
        Probe("Inlet row 11", "C", 0.5),
        Probe("Humidity row 9", "%RH", 46.0),
    ),
}

LEAK_ZONES = {"leak-1": "Raised floor rows 1-6", "leak-2": "Raised floor rows 7-12"}


@dataclass(slots=True)
class Building:
    """Meanings that are true now, leak units whose cable is wet, and the air at the probes."""

    seed: int
    active: set[str] = field(default_factory=set)
    wet: set[str] = field(default_factory=set)
    _waves: dict[str, list[Wave]] = field(init=False)

    def __post_init__(self) -> None:
        self._waves = {
            unit: [Wave(self.seed, f"{unit} {probe.name}") for probe in probes] for unit, probes in PROBES.items()
        }

    def closed(self, contact: Contact) -> bool:
        """What the wire does."""
        return (contact.meaning in self.active) != contact.closed_when_well

    def probes(self, unit: str, hall_c: float, time_s: float) -> list[tuple[Probe, float]]:
        """Each probe of an environment unit and what it measures."""
        return [
            (probe, probe.value(hall_c, wave.at(time_s)))
            for probe, wave in zip(PROBES[unit], self._waves[unit], strict=True)
        ]
