"""BGP peers that only the vendor's own MIB knows: over IPv6, in other instances, or all of them."""

from __future__ import annotations

import pytest
from profile_snippets import read, said

from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.profile_resolve import Identity

PROFILES = load_profiles()
V6 = "32.1.13.184.0.0.0.0.0.0.0.0.0.0.0"
BGP4 = {"1.3.6.1.2.1.15.3.1.2.192.0.2.2": 5, "1.3.6.1.2.1.15.3.1.15.192.0.2.2": 7}
CISCO, JUNIPER = "1.3.6.1.4.1.9.9.187.1.2.5.1", "1.3.6.1.4.1.2636.5.1.1.2.1.1.1"
ARISTA, HUAWEI = "1.3.6.1.4.1.30065.4.1.1.2.1", "1.3.6.1.4.1.2011.5.25.177.1.1.2.1"


@pytest.mark.parametrize(
    ("system", "values"),
    [
        ("1.3.6.1.4.1.9.1.1639", {f"{CISCO}.3.1.4.192.0.2.2": 6, f"{CISCO}.3.2.16.{V6}.9": 3}),
        (
            "1.3.6.1.4.1.2636.1.1.1.2.29",
            {f"{JUNIPER}.2.0.1.192.0.2.1.1.192.0.2.2": 6, f"{JUNIPER}.2.0.2.{V6}.1.2.{V6}.9": 3},
        ),
        ("1.3.6.1.4.1.30065.1.3011", {f"{ARISTA}.13.1.1.4.192.0.2.2": 6, f"{ARISTA}.13.1.2.16.{V6}.9": 3}),
        ("1.3.6.1.4.1.2011.2.224.279", {f"{HUAWEI}.5.0.1.1.1.4.192.0.2.2": 6, f"{HUAWEI}.5.0.2.1.2.16.{V6}.9": 3}),
    ],
)
def test_peers_of_a_vendors_mib_are_named_by_their_address_and_stand_behind_the_standard(
    system: str, values: dict[str, object]
) -> None:
    plan = compile_plan(PROFILES["network"], Identity(system))
    assert said(read(plan, values)) == [
        ("bgp.state", "192.0.2.2", "established"),
        ("bgp.state", "2001:db8::9", "active"),
    ]
    assert sorted(said(read(plan, values | BGP4)), key=str) == [
        ("bgp.state", "192.0.2.2", "openconfirm"),
        ("bgp.state", "2001:db8::9", "active"),
        ("bgp.transitions", "192.0.2.2", 7),
    ]


def test_peer_on_a_link_has_its_zone_and_peers_of_two_instances_are_told_apart() -> None:
    plan = compile_plan(PROFILES["network"], Identity("1.3.6.1.4.1.30065.1"))
    link_local = "254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.7"
    rows = ("1.1.4.192.0.2.9", "2.1.4.192.0.2.9", f"1.4.20.{link_local}.0.0.0.12", "1.9.9")
    found = said(read(plan, {f"{ARISTA}.13.{row}": 6 for row in rows}))
    assert {index for _, index, _ in found} == {"192.0.2.9", "192.0.2.9#2.1.4.192.0.2.9", "fe80::7%12", "1.9.9"}
