"""What each fault script must and must not cause; the same for the pure core and for the real demo."""

from __future__ import annotations

ENERGY, CLIMATE, NETWORK, CONTROL, LEAD = "weber", "yilmaz", "novak", "control", "lead"
GRID = "Mains routes: no mains route left"
UNANSWERED = "escalated: nobody acknowledged for 5m"

MUST: dict[str, list[tuple[float, float, str, str, str]]] = {
    "normal": [],
    "mains-outage": [
        (25, 30, GRID, ENERGY, "first"),
        (320, 330, GRID, LEAD, UNANSWERED),
    ],
    "genset-late": [
        (25, 30, GRID, ENERGY, "first"),
        (80, 85, "Generator B: has not taken the load within 60 s", ENERGY, "worsened"),
        (60, 70, "Cooling of this area: no reserve left", CLIMATE, "worsened"),
    ],
    "genset-fails": [
        (25, 30, GRID, ENERGY, "first"),
        (80, 85, "Generator A: has not taken the load within 60 s", ENERGY, "worsened"),
        (60, 70, "Cooling of this area: no reserve left", CLIMATE, "worsened"),
        (90, 130, "Generator A: generator reports an alarm", ENERGY, "worsened"),
        (320, 330, GRID, LEAD, UNANSWERED),
    ],
    "fuel-low-refuel": [(240, 300, "Fuel tank A: below 75 %, order fuel", ENERGY, "first")],
    "ups-overload": [
        (30, 45, "UPS A: overload", ENERGY, "first"),
        (80, 90, "UPS A: on bypass, load is not protected", ENERGY, "worsened"),
        (330, 345, "UPS A: overload", LEAD, UNANSWERED),
    ],
    "cooling-unit-fails": [
        (50, 70, "Cooling unit 1: has failed", CLIMATE, "first"),
        (350, 370, "Cooling unit 1: has failed", LEAD, UNANSWERED),
    ],
    "two-cooling-units-fail": [
        (50, 70, "Cooling unit 1: has failed", CLIMATE, "first"),
        (170, 190, "Cooling of this area: no reserve left", CLIMATE, "worsened"),
    ],
    "water-leak": [
        (25, 45, "Leak detector north: water under the raised floor", CLIMATE, "first"),
        (325, 345, "Leak detector north: water under the raised floor", LEAD, UNANSWERED),
    ],
    "fire-alarm": [
        (20, 40, "Fire alarm system north: fire pre-alarm", CONTROL, "first"),
        (20, 40, "Fire alarm system north: fire pre-alarm", LEAD, "first"),
        (35, 50, "Environment unit north: smoke detected", CONTROL, "first"),
        (50, 65, "Fire alarm system north: fire alarm", CONTROL, "worsened"),
        (50, 65, "Fire alarm system north: fire alarm", LEAD, "worsened"),
        (80, 95, "Fire alarm system north: extinguishing gas released", CONTROL, "worsened"),
    ],
    "uplink-down": [(25, 40, "Uplink 2 (10 Gbit/s): link is down", NETWORK, "first")],
    "uplink-4h-breach": [
        (25, 40, "Uplink 3 (1 Gbit/s): link is down", NETWORK, "first"),
        (625, 640, "Uplink 3 (1 Gbit/s): link is down", LEAD, "escalated: nobody acknowledged for 10m"),
    ],
    "device-silent": [(80, 90, "PDU B north: does not answer", CONTROL, "first")],
    "trap-storm": [],
    "total-blackout": [
        (25, 30, GRID, ENERGY, "first"),
        (60, 70, "Cooling of this area: fewer than two units able", CLIMATE, "worsened"),
        (80, 85, "Generator A: has not taken the load within 60 s", ENERGY, "worsened"),
        (80, 85, "Generator B: has not taken the load within 60 s", ENERGY, "worsened"),
        (200, 320, "UPS A: battery low", ENERGY, "worsened"),
        (200, 320, "UPS B: battery low", ENERGY, "worsened"),
        (320, 330, GRID, LEAD, UNANSWERED),
        (320, 400, "UPS A: silent since it was on battery", ENERGY, "worsened"),
        (320, 400, "UPS B: silent since it was on battery", LEAD, "worsened"),
    ],
}
"""Not before, not after (seconds from the start), subject, person, named reason of the mail."""

NEVER: dict[str, tuple[str, ...]] = {
    "normal": ("",),
    "trap-storm": ("",),
    "mains-outage": ("Generator", "PDU", "battery low", "Cooling", "UPS"),
    "genset-late": ("Generator A", "reports an alarm", "PDU", "battery low", "fewer than two"),
    "genset-fails": ("Generator B", "PDU", "battery low", "fewer than two"),
    "fuel-low-refuel": ("Main", "Generator", "UPS", "24 h", "tank B"),
    "ups-overload": ("battery", "Main", "UPS B", "PDU"),
    "cooling-unit-fails": ("fewer than two", "no reserve", "inlet"),
    "two-cooling-units-fail": ("fewer than two", "inlet"),
    "water-leak": ("south", "UPS", "Main", "Cooling"),
    "fire-alarm": ("south", "UPS", "Main", "energy"),
    "uplink-down": ("capacity", "Uplink 1 ", "Uplink 3 ", "Router"),
    "uplink-4h-breach": ("capacity", "Uplink 2 ", "Router"),
    "device-silent": ("no voltage", "UPS", "Router", "no feed"),
    "total-blackout": ("Environment", "link is down", "does not answer"),
}
"""What no page may speak of; the empty word forbids every page."""

INCIDENTS = {
    "normal": [],
    "trap-storm": [],
    "mains-outage": ["mains"],
    "genset-late": ["mains"],
    "genset-fails": ["mains"],
    "fuel-low-refuel": ["tank-a"],
    "ups-overload": ["ups-a"],
    "cooling-unit-fails": ["cooling-1"],
    "two-cooling-units-fail": ["cooling"],
    "water-leak": ["leak-1"],
    "fire-alarm": ["env-1", "fire-fs1"],
    "uplink-down": ["uplink-2"],
    "uplink-4h-breach": ["uplink-3"],
    "device-silent": ["pdu-b1"],
    "total-blackout": ["mains"],
}
"""The roots of all incidents, which is also how many there are."""
