"""What the building's own systems show: dry contacts of fire panels and shell, water under the raised floor."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Contact:
    """One wire on an environment unit, and the asset that speaks through it.

    `meaning` is point/index. `closed_when_well`: fail-safe wiring, the contact opens on the fault.
    """

    number: int
    asset: str
    meaning: str
    label: str
    closed_when_well: bool = False


def _panel(first: int, section: str, *, unit: str | None = None) -> tuple[Contact, ...]:
    """The contacts of one fire panel; without `unit` only the two of a panel far away, with it also its detector."""
    panel = f"fire-{section}"
    alarm = Contact(first, panel, f"fire.alarm/{section}", f"Fire alarm {section}")
    if unit is None:
        fault = Contact(first + 1, panel, f"fire.fault/{section}", f"Fire panel OK {section}", closed_when_well=True)
        return alarm, fault
    return (
        alarm,
        Contact(first + 1, panel, f"fire.pre_alarm/{section}", f"Fire pre-alarm {section}"),
        Contact(first + 2, panel, f"fire.fault/{section}", f"Fire panel OK {section}", closed_when_well=True),
        Contact(first + 3, panel, f"fire.disabled/{section}", f"Detector disabled {section}"),
        Contact(first + 4, panel, f"suppression.released/{section}", f"Gas released {section}"),
        Contact(first + 5, panel, f"smoke_extraction.on/{section}", f"Smoke extraction {section}"),
        Contact(first + 6, unit, f"smoke.detected/{section}", f"Smoke ceiling {section}"),
    )


CONTACTS: dict[str, tuple[Contact, ...]] = {
    "env-1": (
        *_panel(1, "fs1", unit="env-1"),
        *_panel(8, "fs3"),
        Contact(10, "shell-1", "glass.broken/window north", "Glass break window north"),
        Contact(11, "shell-1", "intrusion.alarm/emergency exit north", "Emergency exit north", closed_when_well=True),
    ),
    "env-2": (*_panel(1, "fs2", unit="env-2"), *_panel(8, "fs4")),
}
"""The wiring that config/collectors.yaml maps back to meanings; polarity differs on purpose."""

SENSORS: dict[str, tuple[tuple[str, str, float], ...]] = {
    "env-1": (
        ("Inlet row 1", "C", -0.4),
        ("Inlet row 3", "C", 0.0),
        ("Inlet row 5", "C", 0.6),
        ("Humidity row 3", "%RH", 44.0),
    ),
    "env-2": (
        ("Inlet row 7", "C", 0.3),
        ("Inlet row 9", "C", -0.2),
        ("Inlet row 11", "C", 0.5),
        ("Humidity row 9", "%RH", 46.0),
    ),
}
"""Probes of each environment unit: name, unit, deviation from the hall's mean (humidity: the mean itself)."""

LEAK_ZONES = {"leak-1": "Raised floor rows 1-6", "leak-2": "Raised floor rows 7-12"}


@dataclass(slots=True)
class Building:
    """Meanings that are true now, and leak units whose cable is wet."""

    active: set[str] = field(default_factory=set)
    wet: set[str] = field(default_factory=set)

    def closed(self, contact: Contact) -> bool:
        """What the wire does."""
        return (contact.meaning in self.active) != contact.closed_when_well
