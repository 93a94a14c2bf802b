"""`register.yaml`: tests and duties that come round, and how the tests are judged. The file may be absent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from dcmon.config.base import Duration, Strict
from dcmon.config.duties import DutyRule
from dcmon.config.yamlfile import Loc

Percent = Annotated[float, Field(gt=0, le=100)]


class LoadBank(Strict):
    """When a generator that runs beside present mains was tested at full load (T10), and when that passed."""

    load: Percent = Field(default=95, description="full load, per cent of the nameplate")
    attempt: Percent = Field(default=30, description="from so much load on it is a test at all, per cent")
    duration: Duration = Field(default=1_800_000, description="full load without a break for so long")
    missing: Percent = Field(default=10, description="with more of it unknown it proves nothing, per cent")
    voltage: tuple[float, float] = Field(default=(207, 253), description="limits of generator.voltage, V")
    frequency: tuple[float, float] = Field(default=(49.5, 50.5), description="limits of generator.frequency, Hz")
    coolant_below: float | None = Field(default=None, description="limit of engine.coolant_temperature, degC")
    oil_above: float | None = Field(default=None, description="limit of engine.oil_pressure, kPa")


class BatteryTest(Strict):
    """When a UPS that runs on its battery beside present mains has tested it, and when that passed."""

    duration: Duration = Field(default=0, description="on battery for so long")
    missing: Percent = Field(default=10, description="with more of it unknown it proves nothing, per cent")
    charge_above: float | None = Field(default=None, description="limit of battery.charge, %")
    voltage_above: float | None = Field(default=None, description="limit of battery.voltage, V")


class Register(Strict):
    """Duties, and the tests that are found in the readings; without their settings they are not looked for."""

    load_bank: LoadBank | None = None
    battery_test: BatteryTest | None = None
    duties: tuple[DutyRule, ...] = ()

    def placed(self) -> Iterator[tuple[Loc, DutyRule]]:
        """Every duty with its place in the file."""
        for position, duty in enumerate(self.duties):
            yield ("duties", position), duty
