"""Every fault of a configuration is told with file, line, what is wrong and what to do."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dcmon.config.checks import CHECKS, Knowledge, run_checks
from dcmon.config.loader import json_schemas, load, load_with_lines
from dcmon.model import ConfigError

PROFILES = (
    "rfc1628",
    "dse_gencomm",
    "apc_powernet_ups",
    "apc_rpdu",
    "stulz_wib8000",
    "liebert_pex",
    "hwg_wld",
    "hwg_poseidon",
    "network",
)
ANYTHING = Knowledge(points={name: frozenset({"*"}) for name in PROFILES})


@pytest.fixture
def site(tmp_path: Path, example_site: Path) -> Path:
    copy = tmp_path / "config"
    shutil.copytree(example_site, copy)
    for secret in (copy / "secrets").iterdir():
        secret.chmod(0o640)
    return copy


def edit(site: Path, file: str, old: str, new: str) -> int:
    """Replaces the first `old`; gives its line."""
    path = site / f"{file}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def problems(site: Path) -> list[str]:
    try:
        loaded = load_with_lines(site)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return [str(problem) for problem in run_checks(loaded, ANYTHING)]


PORTAL = '{kind: http, url: "https://portal.example.net/health", text: well}'
SCHEMA_FAULTS = [
    ("collectors", PORTAL, "{kind: http, url: ftp://x}", "no URL"),
    ("collectors", PORTAL, "{kind: htpt, url: http://x}", "kind"),
    ("collectors", PORTAL, '{kind: http, url: "https://a:b@x/"}', "a secret in clear text"),
    ("collectors", PORTAL, "{kind: http, url: https://x, user: me}", "user and password belong together"),
    ("collectors", PORTAL, '{kind: http, url: "http://x", user: me, password: "env:P"}', "cross the network in clear"),
    ("collectors", PORTAL, '{kind: http, url: "https://x", user: me, password: secret}', "a secret in clear text"),
    ("collectors", PORTAL, '{kind: backup, file: a.json, token: "env:T"}', "reports in one way"),
    ("collectors", PORTAL, "{kind: iperf3, host: x, seconds: 30}", "timeout is no longer than seconds"),
    ("collectors", "bytes: 4_000_000}, slow: 15m}", "bytes: 4_000_000}}", "say with slow how often"),
    ("collectors", "resolver: 192.0.2.53, name", "resolver: 192.0.2.53, type: XX, name", "'A'"),
    ("rules", "on_delay: 5s", "on_dely: 5s", "Did you mean 'on_delay'?"),
    ("rules", "kind: count", "kind: cuont", "Use one of 'state'"),
    ("rules", "below: 75", "below: much", "valid number"),
    ("rules", "on_delay: 60s", "on_delay: 60", "written with its unit"),
    ("rules", "on_delay: 60s", "on_delay: 60 sec", "is no duration"),
    ("rules", "severity: warning", "severity: loud", "'info', 'warning' or 'critical'"),
    ("site", "kind: ups,", "kind: usp,", "'ups'"),
    ("site", "id: mains-a,", "id: Mains A,", "holds lower-case letters, digits"),
    ("collectors", '"file:secrets/snmp-read"', "topsecret", "a secret in clear text"),
    ("collectors", "unit: 10", "unit: 300", "less than or equal to 247"),
    ("collectors", "snmp: {host: 192.0.2.21,", "snmp: {hots: 192.0.2.21,", "Did you mean 'host'?"),
    ("agent", "fast: 2s", "fast: -2s", "is no duration"),
    ("people", "email: a.weber@example.org", "mail: a.weber@example.org", "Did you mean 'email'?"),
    ("agent", "fast: 2s", "fast: 0s", "0s is too short; at least 100ms"),
    ("agent", "fast: 2s", "fast: 9999999d", "longer than 100 years"),
    ("agent", "{fast: 2s, slow: 15s}", "{fast: 15s, slow: 2s}", "fast is slower than slow"),
    ("agent", "polling: {fast: 2s, slow: 15s}", "polling:", "nothing stands in it"),
    ("agent", "polling: {fast: 2s, slow: 15s}", "polling: 2s", "words with values are wanted here"),
    ("agent", "traps:", "outbox: {retry: 10m}\ntraps:", "retry is longer than max_retry"),
    ("agent", "traps:", "samples: {raw: 0s}\ntraps:", "at least 1h"),
    ("agent", "smtp: {", "smtp: {user: dcmon, ", "user and password belong together"),
    ("agent", "smtp: {host: 127.0.0.1", 'smtp: {user: u, password: "env:X", host: relay.example.org', "clear text"),
    ("agent", "sender: dcmon@example.org", "sender: dcmon", "is no e-mail address"),
    ("agent", 'url: "http://127.0.0.1:8086"', "url: 127.0.0.1:8086", "no URL"),
    ("agent", 'url: "http://127.0.0.1:8086"', 'url: "http://u:hunter2@127.0.0.1"', "a secret in clear text"),
    ("collectors", "host: 192.0.2.21,", "host: '192.0.2.21:161',", "is no host"),
    ("collectors", "host: 192.0.2.21,", "host: '[::1]',", "is no host"),
    ("collectors", "host: 192.0.2.21,", "host: '',", "is no host"),
    ("collectors", "host: 192.0.2.21,", "host: 192.0.2.999,", "is no host"),
    ("collectors", "host: 192.0.2.21,", "host: 192.0.2,", "is no host"),
    ("people", "email: lead@example.org", 'email: "lead@example.org\\nBcc: x@y"', "is no e-mail address"),
    ("people", "email: lead@example.org", "email: a b@example.org", "is no e-mail address"),
    ("people", "email: lead@example.org", "email: 'a@example.org, b@example.org'", "is no e-mail address"),
    ("people", "email: lead@example.org", "email: jörg@example.org", "is no e-mail address"),
    ("people", "email: lead@example.org", "webhook: ftp://example.org", "no URL"),
    ("people", "email: lead@example.org", "webhook: 'https://x.org/?token=hunter2'", "a secret in clear text"),
    ("people", "name: Head of operations", "name: 5", "a text is wanted here. Put it in quotes"),
    ("people", "[{person: yilmaz}]", "[{person: yilmaz, start: 8}]", "a time is written like 08:00"),
    ("people", "since: 2024-01-08T08:00:00", "since: 2026", "a time is written like 08:00"),
    ("people", "shifts: [{person: yilmaz}]", "shifts: {person: yilmaz}", "shifts: a list is wanted here"),
    ("people", "people: [weber, lang]", "people: []", "people: nothing stands in it"),
    ("rules", "below: 75", "below: .nan", "finite number"),
]


@pytest.mark.parametrize(("file", "old", "new", "says"), SCHEMA_FAULTS)
def test_a_fault_of_the_schema_names_file_line_and_remedy(site: Path, file: str, old: str, new: str, says: str) -> None:
    line = edit(site, file, old, new)
    found = [text for text in problems(site) if says in text]
    assert found, problems(site)
    assert found[0].startswith(f"{site / file}.yaml:{line}")
    assert "hunter2" not in "".join(found)


def test_all_faults_of_all_files_are_told_at_once(site: Path) -> None:
    edit(site, "rules", "on_delay: 5s", "on_dely: 5s")
    edit(site, "people", "language: de", "language: fr")
    edit(site, "agent", "fast: 2s", "fats: 2s")
    assert len(problems(site)) == 3


def test_a_secret_in_the_wrong_place_is_never_repeated(site: Path) -> None:
    edit(site, "collectors", '"file:secrets/snmp-read"', "hunter2")
    edit(site, "agent", "sender: dcmon@example.org", "sender: dcmon@example.org, password: hunter2")
    edit(
        site,
        "collectors",
        "devices:\n",
        "  v3: {version: '3', user: u, auth_key: hunter2, priv_key: hunter2}\ndevices:\n",
    )
    text = "\n".join(problems(site))
    assert text.count("a secret in clear text") == 4
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name: [", "[C002] no YAML"),
        ("name: a\nname: b\n", "[C003] the key 'name' stands twice, first in line 1"),
        ("", "[C004]"),
        ("- 1\n", "[C004]"),
        ("name: a\na: 2026-99-99\n", ":2: [C002]"),
        ("x: &x [*x]", "["),
        ("- " * 5_000, "[C002] lists or settings within each other"),
    ],
)
def test_a_file_that_is_no_good_yaml_is_refused_with_its_line(site: Path, content: str, says: str) -> None:
    (site / "site.yaml").write_text(content)
    found = problems(site)
    assert found
    assert says in found[0]
    assert found[0].startswith(str(site / "site.yaml:"))


def test_a_missing_or_unreadable_file_says_what_to_create(site: Path) -> None:
    (site / "people.yaml").unlink()
    (site / "agent.yaml").write_bytes(b"\xff\xfe")
    assert [text.split(": ")[1].split()[0] for text in problems(site)] == ["[C001]", "[C001]"]
    with pytest.raises(ConfigError, match="is no directory"):
        load(site / "nowhere")


def test_a_file_that_could_be_read_for_ever_is_refused(site: Path) -> None:
    for name in ("agent.yaml", "secrets/snmp-read"):
        (site / name).unlink()
        os.mkfifo(site / name)
    assert "[C001] is no ordinary file" in problems(site)[0]
    (site / "agent.yaml").unlink()
    (site / "agent.yaml").write_text("data_dir: /var/lib/dcmon\n")
    assert ["[D206]" in text and "no ordinary file" in text for text in problems(site)] == [True]


def test_aliases_of_aliases_cost_no_time(site: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    (site / "agent.yaml").write_text("\n".join(lines))
    assert len(problems(site)) == 60


def test_what_looks_like_a_time_or_an_octal_number_is_read_as_it_is_meant(site: Path) -> None:
    edit(site, "people", "[{person: yilmaz}]", "[{person: yilmaz, start: 18:00, end: 06:30}]")
    edit(site, "collectors", "unit: 10}", "unit: 010}")
    edit(site, "collectors", 'version: "2c"', "version: 1")
    config = load(site)
    (shift,) = config.people.rosters[1].shifts
    assert (shift.start, shift.end) == (dt.time(18), dt.time(6, 30))
    assert config.collectors.devices["genset-a"].modbus is not None
    assert config.collectors.devices["genset-a"].modbus.unit == 10
    assert config.collectors.credentials["read"].version == "1"


def test_a_secret_must_be_fit_for_its_use(site: Path) -> None:
    edit(site, "people", "email: lead@example.org", "email: lead@example.org, webhook: 'file:secrets/url'")
    v3 = "  v3: {version: 3, user: u, auth_key: 'file:secrets/short', priv: none}\n"
    edit(site, "collectors", "devices:\n", f"{v3}devices:\n")
    edit(site, "collectors", "host: 192.0.2.21, credentials: read", "host: 192.0.2.21, credentials: v3")
    for name, secret in (("url", "hunter2"), ("short", "hunter2"), ("snmp-read", "hunter2\nhunter2\n")):
        (site / "secrets" / name).write_text(secret)
        (site / "secrets" / name).chmod(0o600)
    found = "\n".join(problems(site))
    assert [part.split(":")[0] for part in found.split("file:secrets/")[1:]] == ["snmp-read", "short", "url"]
    assert "hunter2" not in found


def test_a_route_that_nothing_reaches_is_a_warning(site: Path) -> None:
    with (site / "people.yaml").open("a") as handle:
        handle.write("  - {id: late, classes: [fire], to: [{person: lead}]}\n")
    (text,) = problems(site)
    assert "warning: [D405] nothing comes as far as route late" in text


CHECK_FAULTS = [
    ("D101", "site", "id: ups-b,", "id: ups-a,"),
    ("D101", "site", "- {id: feed-b,", "- {id: mains-a,"),
    ("D101", "rules", "id: ups-bypass", "id: leak"),
    ("D102", "site", "feeds: [tsw-b], commissioned", "feeds: [tsw-x], commissioned"),
    ("D102", "site", "stands_in_for: [mains-b]", "stands_in_for: [main-b]"),
    ("D103", "site", "feeds: [pdu-a1, pdu-a2]", "feeds: [pdu-a1, pdu-a2, mains-a]"),
    ("D104", "site", "section: fs4, location: \"UPS", "section: fs9, location: \"UPS"),
    ("D105", "site", "members: [ups-a, ups-b], needed: 1", "members: [ups-a, ups-b], needed: 3"),
    ("D105", "site", "members: [ups-a, ups-b], needed: 1", "members: [ups-a, ups-c], needed: 1"),
    ("D106", "site", "sections:\n", "sections:\n  - {id: fs9, name: Annex}\n"),
    ("D107", "site", "Europe/Berlin", "Europe/Munich"),
    ("D108", "site", "rating: {tank_l: 18000, tank: {unusable_l: 600}}", "rating: {power_w: 1}"),
    ("D201", "collectors", "  ups-a: {", "  ups-z: {"),
    ("D202", "collectors", "host: 192.0.2.21, credentials: read", "host: 192.0.2.21, credentials: write"),
    ("D203", "collectors", "profile: rfc1628", "profile: rfc1682"),
    ("D204", "collectors", "host: 192.0.2.32", "host: 192.0.2.31"),
    ("D205", "collectors", "asset: shell-1, as_point", "asset: shell-9, as_point"),
    ("D205", "collectors", "as_point: glass.broken", "as_point: glas.broken"),
    ("D206", "collectors", "file:secrets/snmp-read", "file:secrets/nothing"),
    ("D206", "collectors", "file:secrets/snmp-read", "env:DCMON_TEST_UNSET"),
    ("D301", "rules", "group: mains", "group: manis"),
    ("D301", "rules", "asset: genset-a", "asset: genset-z"),
    ("D301", "rules", "asset: dcmon\n    within: 14d", "asset: dcmon\n    rosters: [night]\n    within: 14d"),
    ("D302", "rules", "kinds: [ups], point: ups.on_battery", "kinds: [tank], assets: [ups-a], point: ups.on_battery"),
    ("D303", "rules", "in: [low, depleted, failed]", "in: [low, empty]"),
    ("D303", "rules", "is: bypass", "is: true"),
    ("D303", "rules", "point: output.load}", "point: output.source}"),
    ("D304", "rules", "response: \"Read the UPS display", "#: \"Read the UPS display"),
    ("D305", "rules", "tom: [T01, T02]", "tom: [T01, T33]"),
    ("D306", "rules", "rules:\n", "targets: {T99.nothing: 99.0}\nrules:\n"),
    ("D401", "people", "people: [weber, lang]", "people: [weber, long]"),
    ("D401", "people", "{roster: energy, channels: [email, console]}", "{roster: enegry, channels: [email, console]}"),
    ("D401", "people", "{roster: energy, channels", "{roster: energy, person: weber, channels"),
    ("D401", "people", "routes:", "planned: {to: [{roster: enegry}]}\nroutes:"),
    ("D101", "rules", "id: ups-bypass", "id: drill-missing"),
    ("D402", "people", "email: a.weber@example.org, ", ""),
    ("D403", "people", "    shifts: [{person: yilmaz}]\n", ""),
    ("D404", "people", "  - id: everything-else\n    to:", "  - id: everything-else\n    classes: [fire]\n    to:"),
    ("D501", "agent", "web: {listen: \"127.0.0.1:8080\"}", "web: {listen: \"0.0.0.0:8080\"}"),
    ("D501", "agent", "web: {listen: \"127.0.0.1:8080\"}", "web: {listen: \"8080\"}"),
    ("D502", "agent", "listen: \"127.0.0.1:9162\"", "listen: \"127.0.0.1:9162\", credentials: [nobody]"),
    ("D503", "agent", "data_dir: /var/lib/dcmon", "data_dir: /dev/null"),
    ("D503", "agent", "smtp: {", "smtp: {security: tls, ca_file: /dev/null, "),
    ("D101", "register", "id: leak-detectors", "id: leak"),
    ("D305", "register", "tom: [T12]", "tom: [T44]"),
    ("D404", "people", "  - id: everything-else\n", "  - id: everything-else\n    classes: [network]\n"),
    ("D601", "register", "assets: [tsw-a, tsw-b]", "assets: [tsw-a, tsw-c]"),
    ("D601", "register", "owner: climate", "owner: weber-lang"),
    ("D602", "register", "grace: 5d", "grace: 28d"),
    ("D603", "register", "kinds: [genset]", "kinds: [genset, tank]"),
    ("D603", "register", "battery_test: {charge_above: 50}\n", ""),
    ("D603", "register", "moved: [smoke.detected]", "moved: [temperature]"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "file", "old", "new"), CHECK_FAULTS)
def test_a_numbered_check_finds_what_a_schema_cannot_see(site: Path, check: str, file: str, old: str, new: str) -> None:
    edit(site, file, old, new)
    found = [text for text in problems(site) if f"[{check}]" in text]
    assert found, problems(site)
    assert all(str(site) in text for text in found)


def test_every_check_has_a_case_here() -> None:
    warnings_only = {"D207", "D208", "D307", "D405"}
    assert set(CHECKS) - warnings_only == {check for check, *_ in CHECK_FAULTS}


def test_the_shipped_site_has_no_fault(site: Path) -> None:
    assert problems(site) == []


def test_the_site_of_one_device_has_no_fault_and_keeps_its_files_with_it(site: Path, example_site: Path) -> None:
    shutil.rmtree(site)
    shutil.copytree(example_site.parent / "examples" / "one-device", site)
    (site / "secrets" / "snmp-read").chmod(0o640)
    assert problems(site) == []
    assert load(site).agent.data_dir == site / "data"


def test_a_secret_that_everybody_can_read_is_a_warning(site: Path) -> None:
    (site / "secrets" / "snmp-read").chmod(0o644)
    (text,) = problems(site)
    assert "warning: [D207]" in text


def test_the_digest_changes_with_every_file(site: Path) -> None:
    seen = {load(site).digest}
    for file in ("agent", "site", "collectors", "rules", "people"):
        with (site / f"{file}.yaml").open("a") as handle:
            handle.write("# changed\n")
        seen.add(load(site).digest)
    (site / "controls").mkdir()
    for text in ("controls: []", "controls: [] # changed"):
        (site / "controls" / "own.yaml").write_text(text)
        seen.add(load(site).digest)
    assert len(seen) == 8


def test_an_editor_gets_a_schema_for_every_file() -> None:
    schemas = json_schemas()
    assert set(schemas) == {"agent", "site", "collectors", "rules", "people", "register"}
    assert all(schema["additionalProperties"] is False for schema in schemas.values())
    assert schemas["agent"]["$defs"]["Polling"]["properties"]["max_back_off"]["default"] == "1m"


def test_promises_that_nothing_here_can_show_are_one_warning(site: Path) -> None:
    loaded = load_with_lines(site)
    assert "D307" not in {problem.id for problem in run_checks(loaded, ANYTHING)}
    (told,) = [one for one in run_checks(loaded, replace(ANYTHING, unshown=("T10", "T26"))) if one.id == "D307"]
    assert told.warning
    assert "T10, T26" in str(told)
