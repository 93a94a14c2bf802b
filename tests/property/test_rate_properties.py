"""Rates of counters: what a device counted is what is said, and nothing is said of what nobody can know."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dcmon.collectors.decode_rates import RateMemory, Sample, went_on
from dcmon.model import Quality

TICKS = 1 << 32
uptimes = st.integers(0, TICKS - 1)
seconds = st.integers(1, 3600)


def rate(before: Sample, now: Sample, limit: int | None = None, factor: int = 8) -> object:
    memory = RateMemory()
    assert memory.rate("if.in_rate", "1", before, factor, limit) is None
    return memory.rate("if.in_rate", "1", now, factor, limit)


@given(bits=st.sampled_from([32, 64]), start=st.integers(0, 2**64 - 1), octets=st.integers(0, 2**32 - 1),
       uptime=uptimes, passed=seconds)  # fmt: skip
def test_octets_counted_are_octets_said_whatever_wraps(
    bits: int, start: int, octets: int, uptime: int, passed: int
) -> None:
    start %= 1 << bits
    end = start + octets
    if bits == 32:
        end %= 1 << 32
    elif end >= 1 << 64:
        return  # 64 bits of octets last for centuries: it was a reset
    before = Sample(0, start, bits, uptime)
    now = Sample(passed * 1000, end, bits, (uptime + passed * 100) % TICKS)
    value, quality, reason = rate(before, now)  # type: ignore[misc]
    told = (Quality.UNCERTAIN, "speed") if bits == 32 and octets else (Quality.GOOD, None)
    assert (quality, reason) == told
    assert isinstance(value, int)
    assert abs(value * passed - octets * 8) <= passed, "rounded to one bit per second"


@given(age=st.integers(1, TICKS // 2), down=st.integers(10, 7200), up=st.integers(0, 600))
def test_restart_between_two_polls_is_seen(age: int, down: int, up: int) -> None:
    """The device was up for `age` ticks at one poll; at the next it has been up for `up` s, after `down` s without."""
    assert not went_on(age + 100 * up, 100 * up, (down + up) * 1000)


@given(age=st.integers(0, 100_000), down=st.integers(600, 86_400))
def test_restart_is_seen_although_the_device_is_older_than_it_was(age: int, down: int) -> None:
    assert not went_on(age, age + 100, down * 1000)


@given(age=uptimes, passed_ms=st.integers(0, 86_400_000), drift=st.floats(0.9, 1.1), late=st.integers(-500, 6_000))
def test_clock_of_a_device_may_be_wrong_by_a_tenth_and_some_seconds(
    age: int, passed_ms: int, drift: float, late: int
) -> None:
    grown = max(0, int(passed_ms / 10 * drift) + late)
    assert went_on(age, (age + grown) % TICKS, passed_ms)


@given(before=st.integers(0, 2**64 - 1), after=st.integers(0, 2**64 - 1), bits=st.sampled_from([32, 64]),
       passed=seconds, speed=st.integers(1, 10**12))  # fmt: skip
def test_no_rate_is_believed_that_the_line_cannot_carry(
    before: int, after: int, bits: int, passed: int, speed: int
) -> None:
    counters = [
        Sample(0, before % (1 << bits), bits, 0),
        Sample(passed * 1000, after % (1 << bits), bits, passed * 100),
    ]
    result = rate(*counters, limit=speed)
    if result is not None:
        value, quality, reason = result  # type: ignore[misc]
        assert (value is None) == (quality is Quality.BAD) == (reason == "rate")
        assert value is None or value * 10 <= speed * 11
        assert bits == 64 or value is None or speed * passed < 2**35, "more than one wrap was possible"
