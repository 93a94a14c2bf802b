"""PDUs of which no recording is at hand: answers as their MIBs and other people's notes show them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from profile_snippets import read, said

from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.profile_resolve import Identity

PROFILES = load_profiles()


def reads(profile: str, values: Mapping[str, object]) -> list[tuple[str, str | None, object]]:
    plan = compile_plan(PROFILES[profile], Identity(""))
    return said(read(plan, values))


def geist(volts_b: int) -> dict[str, object]:
    """A row of ctrl3ChIECTable: 230 V and 1.5 A on the first phase, something on the second, nothing on the third."""
    row = {4: 1, 6: 230, 8: 15, 10: 300, 12: 88, 14: volts_b, 16: 5, 18: 100, 20: 90, 22: 0, 24: 0, 26: 0, 30: 400}
    return {f"1.3.6.1.4.1.21239.2.25.1.{column}.1": value for column, value in row.items()}


@pytest.mark.parametrize(("volts_b", "wired"), [(231, ["1", "2"]), (0, ["1"])])
def test_geist_row_of_three_phases_says_those_that_are_wired(volts_b: int, wired: list[str]) -> None:
    found = reads("geist_pdu_v3", geist(volts_b))
    assert [index for point, index, _ in found if point == "phase.current"] == wired
    assert ("phase.current", "1", 1.5) in found
    assert ("phase.power_factor", "1", 0.88) in found
    assert ("pdu.power", None, 400) in found


def test_raritan_value_that_the_pdu_calls_unavailable_is_not_believed() -> None:
    root = "1.3.6.1.4.1.13742.6"
    values = {f"{root}.5.2.4.1.4.1.1.{pole}.4": 230 for pole in (1, 2)}
    values |= {f"{root}.5.2.4.1.3.1.1.1.4": 4, f"{root}.5.2.4.1.3.1.1.2.4": -1}
    values |= {f"{root}.3.3.6.1.7.1.1.{pole}.4": 0 for pole in (1, 2)}
    for inlet, state in ((1, 4), (2, -1)):
        values |= {f"{root}.5.2.3.1.4.1.{inlet}.5": 800, f"{root}.5.2.3.1.3.1.{inlet}.5": state}
        values |= {f"{root}.3.3.4.1.7.1.{inlet}.5": 0}
    assert [one for one in reads("raritan_px2", values) if one[0] != "input.voltage"] == [
        ("phase.voltage", "1", 230),
        ("phase.voltage", "2", "sentinel"),
        ("pdu.power", None, "sentinel"),
        ("cord.power", "1", 800),
        ("cord.power", "2", "sentinel"),
    ]


def test_bachmann_value_is_known_by_the_numbers_of_its_row() -> None:
    root = "1.3.6.1.4.1.31770.2.2.8"
    values = {f"{root}.4.1.5.0.0.0.1.255.255.0.{number}": value for number, value in ((1, 23410), (4, 95), (19, 1602))}
    values |= {f"{root}.4.1.5.2.0.255.255.255.255.0.19": 4080}
    values |= {f"{root}.2.1.6.0.1.64.4.255.2.1.0": 256, f"{root}.4.1.5.0.1.64.4.255.2.1.0": 260}
    values |= {f"{root}.2.1.6.0.1.64.4.255.2.1.1": 257, f"{root}.4.1.5.0.1.64.4.255.2.1.1": 369}
    assert reads("bachmann_bluenet2", values) == [
        ("input.voltage", "2", 234.1),
        ("phase.voltage", "2", 234.1),
        ("phase.current", "2", 0.95),
        ("phase.power", "2", 160.2),
        ("pdu.power", "3", 408),
        ("ambient.temperature", "4", 26),
        ("ambient.humidity", "4", 36.9),
    ]


def test_algcom_outlets_stand_each_in_a_branch_of_their_own() -> None:
    root = "1.3.6.1.4.1.49136.200"
    values = {f"{root}.1.2.0": 129100, f"{root}.5.1.0": 1, f"{root}.5.2.0": 0, f"{root}.8.1.0": 19000}
    assert reads("algcom_pdu", values) == [
        ("input.voltage", None, 129.1),
        ("outlet.state", "1", "on"),
        ("outlet.state", "2", "off"),
        ("outlets.on", None, 1),
        ("outlets.total", None, 2),
        ("outlet.power", "1", 19),
    ]


@pytest.mark.parametrize(
    ("profile", "root"),
    [
        ("enlogic_pdu", "1.3.6.1.4.1.38446.1"),
        ("apc_cpdu", "1.3.6.1.4.1.318.1.1.32"),
        ("eaton_pdu_nlogic", "1.3.6.1.4.1.534.7.1"),
    ],
)
def test_units_of_a_daisy_chain_are_added_and_told_apart(profile: str, root: str) -> None:
    values = {f"{root}.2.4.1.4.{unit}": 1000 * unit for unit in (1, 2)}
    values |= {f"{root}.3.4.1.5.{unit}.{phase}": 100 * phase for unit in (1, 2) for phase in (1, 2, 3)}
    found = reads(profile, values)
    assert ("pdu.power", None, 3000) in found
    assert [one for one in found if one[0] == "cord.power"] == [("cord.power", "1", 1000), ("cord.power", "2", 2000)]
    currents = [(index, value) for point, index, value in found if point == "phase.current"]
    assert len(dict(currents)) == 6
    assert [value for _, value in currents] == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize("status", [0, 1])
def test_panduit_sensor_that_is_unplugged_does_not_appear(status: int) -> None:
    root = "1.3.6.1.4.1.19536.10.1.4.2.1"
    values = {f"{root}.{column}.1.1": value for column, value in ((2, "T1"), (3, status), (4, 215))}
    assert reads("panduit_g5", values) == []


@pytest.mark.parametrize(
    ("profile", "column", "raw", "word"),
    [
        ("eaton_epdu_managed", "1.3.6.1.4.1.534.6.6.6.1.2.2.1.3.7", 0, "off"),
        ("eaton_epdu_switched", "1.3.6.1.4.1.20677.2.6.3.7.0", 2, "off"),
        ("baytech_rpc", "1.3.6.1.4.1.4779.1.3.5.3.1.3.1.7", 3, "lockedOn"),
        ("avocent_pm", "1.3.6.1.4.1.10418.17.2.5.5.1.5.1.1.7", 2, "on"),
        ("avocent_pm", "1.3.6.1.4.1.10418.17.2.5.5.1.5.1.1.7", 9, "enum"),
    ],
)
def test_outlet_is_called_by_its_number(profile: str, column: str, raw: int, word: str) -> None:
    assert ("outlet.state", "7", word) in reads(profile, {column: raw})


def sentry4(state: int, status: int, power: int) -> dict[str, object]:
    """Two cords of which the second is in this state, with a line and a phase each."""
    root, values = "1.3.6.1.4.1.1718.4.1", {}
    for table, index in ((3, "{}.1"), (4, "{}.1.1"), (5, "{}.1.1")):
        for cord, cells in ((1, (1, 0, 100)), (2, (state, status, power))):
            values |= {
                f"{root}.{table}.3.1.{column}.{index.format(cord)}": cell for column, cell in enumerate(cells, 1)
            }
    return values


@pytest.mark.parametrize(
    ("state", "status", "power", "shown"),
    [
        (2, 0, -1, None),
        (2, 1, -1, None),
        (1, 2, 0, None),
        (2, 0, 0, 0),
        (2, 10, -1, "sentinel"),
        (1, 0, -1, "sentinel"),
    ],
    ids=["off", "disabled", "purged", "off and measured", "off and not heard of", "on and not measured"],
)
def test_sentry4_input_that_is_off_or_disabled_does_not_appear_and_one_in_trouble_does(
    state: int, status: int, power: int, shown: object
) -> None:
    found = reads("sentry4", sentry4(state, status, power))
    second = [(point, value) for point, index, value in found if index is not None and index.startswith("2")]
    assert [value for point, value in second if point == "cord.power"] == ([] if shown is None else [shown])
    assert {point for point, _ in second} == (
        set() if shown is None else {"cord.power", "cord.status", "line.current", "phase.voltage", "input.voltage"}
    )
    assert ("pdu.power", None, "sentinel" if shown == "sentinel" else 100) in found
