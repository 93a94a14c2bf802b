"""UPSs of which no recording is at hand: answers as their MIBs and other people's notes show them."""

from __future__ import annotations

import pytest
from profile_snippets import read, said

from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles

MGE = "1.3.6.1.4.1.705.1.7"


@pytest.mark.parametrize(("phases", "wanted"), [(3, [10, 10.1, 10.2]), (None, [10])])
def test_mge_card_without_the_standard_gives_the_currents_of_all_phases_that_it_says_it_has(
    phases: int | None, wanted: list[float]
) -> None:
    values: dict[str, object] = {f"{MGE}.2.1.5.{phase}": 99 + phase for phase in (1, 2, 3)}
    if phases is not None:  # one-phase machines repeat their only phase, and do not say how many there are
        values[f"{MGE}.1.0"] = phases
    found = said(read(compile_plan(load_profiles()["eaton_mge"]), values))
    assert [value for point, _, value in found if point == "output.current"] == wanted
