"""A diesel generator set with its tank: start sequence, run-up, load, fuel, cool-down.

Times are those of a standby set of 1.6 MW with preheated coolant (NFPA 110 type 10 to 15): the breaker can close about
12 s after the mains are lost. Numbers are typical of the class, not of one product.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from dcmon.sim.waves import interpolate, relax

RATED_RPM = 1500.0
RATED_PHASE_V = 230.0

FUEL_CURVE = ((0.0, 0.07), (0.25, 0.30), (0.5, 0.53), (0.75, 0.76), (1.0, 1.0), (1.2, 1.23))
"""Load and fuel flow as shares of full load: engines burn fuel idling and grow thriftier towards 75 %."""

_START_DELAY_S = 3.0
_CRANK_TO_FIRE_S = 2.5
_CRANK_LIMIT_S = 10.0
_CRANK_REST_S = 15.0
_CRANK_ATTEMPTS = 4
_RUN_UP_TAU_S = 1.1
_WARM_UP_S = 6.0
_COOL_DOWN_S = 60.0
_SPIN_DOWN_TAU_S = 4.0
_CRANK_RPM = 220.0


class Phase(IntEnum):
    """What the engine does; the numbers are those of GenComm's engine state (page 5, offset 128)."""

    STOPPED = 0
    PRE_START = 1
    WARMING_UP = 2
    RUNNING = 3
    COOLING_DOWN = 4


@dataclass(slots=True)
class Tank:
    """Diesel in litres."""

    capacity_l: float
    volume_l: float
    filling_l_per_min: float = 0.0
    target_l: float = 0.0

    @property
    def level(self) -> float:
        """Per cent of the capacity."""
        return self.volume_l / self.capacity_l * 100

    def draw(self, litres: float) -> float:
        """Takes out what is there of `litres`; what was got."""
        got = min(litres, self.volume_l)
        self.volume_l -= got
        return got

    def step(self, dt_s: float) -> None:
        if self.filling_l_per_min:
            self.volume_l = min(self.target_l, self.volume_l + self.filling_l_per_min * dt_s / 60)
            if self.volume_l >= self.target_l:
                self.filling_l_per_min = 0.0


@dataclass(slots=True)
class Genset:
    """One set. Units: W, rpm, degC, kPa, V, s, kWh; `load_w` is what hangs on its breaker or on the load bank."""

    rated_w: float
    full_load_l_per_h: float
    tank: Tank
    phase: Phase = Phase.STOPPED
    phase_s: float = 0.0
    attempt: int = 0
    bad_attempts: int = 0
    """How many attempts to start will not fire: a fault that a scenario plants."""
    failed_to_start: bool = False
    cranking: bool = False
    load_bank: bool = False
    bank_share: float = 1.0
    rpm: float = 0.0
    load_w: float = 0.0
    coolant_c: float = 38.0
    starter_v: float = 27.2
    run_s: float = 412.0 * 3600
    starts: int = 218
    energy_kwh: float = 183_400.0
    fuel_l_per_h: float = field(default=0.0)

    @property
    def running(self) -> bool:
        """Whether it turns by its own power."""
        return self.phase in (Phase.WARMING_UP, Phase.RUNNING, Phase.COOLING_DOWN)

    @property
    def voltage(self) -> float:
        """Phase to neutral; the alternator is excited above 70 % of speed."""
        share = self.rpm / RATED_RPM
        return RATED_PHASE_V * min(1.0, share) if share > 0.7 else 6.0 * share

    @property
    def frequency(self) -> float:
        """Hz; four poles."""
        return self.rpm / 30

    @property
    def ready(self) -> bool:
        """Voltage and frequency are good enough for the breaker to close."""
        return self.phase == Phase.RUNNING and self.rpm > 0.96 * RATED_RPM

    @property
    def load_share(self) -> float:
        return self.load_w / self.rated_w

    @property
    def oil_kpa(self) -> float:
        """Falls as the oil grows thin with heat."""
        return self.rpm / RATED_RPM * (520 - 1.2 * (self.coolant_c - 38))

    @property
    def charge_alternator_v(self) -> float:
        return 28.2 if self.running and self.rpm > 1000 else 0.0

    @property
    def settled(self) -> bool:
        return self.phase == Phase.STOPPED and self.rpm < 0.5 and not self.tank.filling_l_per_min

    def step(self, dt_s: float, wanted: bool, load_w: float) -> None:
        """One step: `wanted` asks it to run, `load_w` is what is connected if it can carry it."""
        previous_share = self.load_share
        self.load_w = load_w if self.ready else 0.0
        self._sequence(dt_s, wanted or self.load_bank)
        self._turn(dt_s, self.load_share - previous_share)
        self._burn(dt_s)
        self.tank.step(dt_s)
        warm = 82 + 8 * self.load_share if self.running else 38.0
        self.coolant_c = relax(self.coolant_c, warm, dt_s, 150 if self.running else 2400)
        resting_v = 28.0 if self.running else 27.2
        self.starter_v = 21.4 if self.cranking else relax(self.starter_v, resting_v, dt_s, 20)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.phase_s = 0.0
        self.cranking = False

    def _sequence(self, dt_s: float, wanted: bool) -> None:
        self.phase_s += dt_s
        if self.phase == Phase.STOPPED:
            if wanted and not self.failed_to_start:
                self.attempt = 0
                self._enter(Phase.PRE_START)
        elif self.phase == Phase.PRE_START:
            self._crank(dt_s, wanted)
        elif self.phase == Phase.WARMING_UP:
            if self.phase_s >= _WARM_UP_S and self.rpm > 0.96 * RATED_RPM:
                self._enter(Phase.RUNNING)
        elif self.phase == Phase.RUNNING:
            if not wanted:
                self._enter(Phase.COOLING_DOWN)
        elif wanted:
            self._enter(Phase.RUNNING)
        elif self.phase_s >= _COOL_DOWN_S:
            self._enter(Phase.STOPPED)

    def _crank(self, dt_s: float, wanted: bool) -> None:
        """Delay, crank, rest, crank again; after the last attempt the controller locks out (fail to start)."""
        if not wanted and not self.cranking:
            self._enter(Phase.STOPPED)
            return
        if not self.cranking:
            if self.phase_s >= (_START_DELAY_S if self.attempt == 0 else _CRANK_REST_S):
                self.cranking = True
                self.attempt += 1
                self.phase_s = 0.0
            return
        fires = self.attempt > self.bad_attempts and self.tank.volume_l > 0
        if fires and self.phase_s >= _CRANK_TO_FIRE_S:
            self.starts += 1
            self._enter(Phase.WARMING_UP)
        elif self.phase_s >= _CRANK_LIMIT_S:
            self.cranking = False
            self.phase_s = 0.0
            if self.attempt >= _CRANK_ATTEMPTS:
                self.failed_to_start = True
                self._enter(Phase.STOPPED)

    def _turn(self, dt_s: float, load_step: float) -> None:
        if self.running:
            self.rpm = relax(self.rpm, RATED_RPM, dt_s, _RUN_UP_TAU_S) - 60 * load_step
        elif self.cranking:
            self.rpm = relax(self.rpm, _CRANK_RPM, dt_s, 0.4)
        else:
            self.rpm = relax(self.rpm, 0.0, dt_s, _SPIN_DOWN_TAU_S)
            if self.rpm < 0.5:
                self.rpm = 0.0

    def _burn(self, dt_s: float) -> None:
        if not self.running:
            self.fuel_l_per_h = 0.0
            return
        self.fuel_l_per_h = interpolate(FUEL_CURVE, self.load_share) * self.full_load_l_per_h
        asked = self.fuel_l_per_h * dt_s / 3600
        if self.tank.draw(asked) < asked:
            self.load_w = 0.0
            self._enter(Phase.STOPPED)
            return
        self.run_s += dt_s
        self.energy_kwh += self.load_w * dt_s / 3_600_000
