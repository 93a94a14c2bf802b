"""`dcmon record`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dcmon.cli.common import counted, err, telling_errors
from dcmon.cli.options import (
    AuthKeyOption,
    AuthOption,
    CommunityOption,
    ContextOption,
    FramingOption,
    PrivKeyOption,
    PrivOption,
    ProfileOption,
    ProfilesOption,
    RetriesOption,
    TimeoutOption,
    UnitOption,
    UserOption,
    VersionOption,
    known_profiles,
    snmp_question,
    split_target,
    user_of,
)
from dcmon.model import DcmonError

if TYPE_CHECKING:
    from dcmon.collectors.decode_modbus import Block
    from dcmon.recorder import Recorded

_RANGE = re.compile(r"([1-4]):(\d{1,5})(?:-(\d{1,5}))?")
_MOST = 20_000
_RangeOption = Annotated[list[str] | None, typer.Option("--range", help="Modbus: FUNCTION:FIRST-LAST; may be repeated")]
_HideOption = Annotated[list[str] | None, typer.Option("--hide", help="Modbus: FUNCTION:FIRST-LAST that becomes 0")]


def record(
    target: Annotated[str, typer.Argument(help="HOST or HOST:PORT")],
    modbus: Annotated[bool, typer.Option("--modbus", help="the target is a Modbus server, not an SNMP agent")] = False,
    file: Annotated[Path | None, typer.Option("--out", help="new file; standard output when absent")] = None,
    profile: ProfileOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="SNMP: all that it measures, not only what is read")
    ] = False,
    ranges: _RangeOption = None,
    hide: _HideOption = None,
    community: CommunityOption = "public",
    version: VersionOption = "2c",
    user: UserOption = None,
    auth: AuthOption = "sha256",
    auth_key: AuthKeyOption = None,
    priv: PrivOption = "aes128",
    priv_key: PrivKeyOption = None,
    context: ContextOption = "",
    unit: UnitOption = 1,
    framing: FramingOption = "tcp",
    timeout: TimeoutOption = 1.0,
    retries: RetriesOption = 2,
    profiles: ProfilesOption = None,
) -> None:
    """Records what a device says, without serial numbers, addresses, names and places, for `dcmon poll --recording`."""
    from dcmon.config.collectors import ModbusAddress
    from dcmon.loop import run_once
    from dcmon.recorder import record_agent, record_unit

    with telling_errors():
        if file is not None and file.exists():
            raise DcmonError(f"{file} is there already; name another file or remove it")
        known = known_profiles(profiles)
        with _counting() as told:
            if modbus:
                host, port = split_target(target, 502)
                address = ModbusAddress(host=host, port=port, unit=unit, framing=framing)
                wanted, hidden = parse_ranges(ranges or []), parse_ranges(hide or [])
                unit_job = record_unit(
                    address, known, profile, ranges=wanted, hidden=hidden, timeout_s=timeout, told=told
                )
                found = run_once(lambda: unit_job)
            else:
                keys = user_of(user, auth, auth_key, priv, priv_key, context)
                question = snmp_question(target, version, community, keys, timeout=timeout, retries=retries)
                found = run_once(lambda: record_agent(question, known, profile, everything=everything, told=told))
        _hand_out(found, file)


def _hand_out(found: Recorded, file: Path | None) -> None:
    if file is None:
        sys.stdout.write(found.text)
    else:
        file.write_text(found.text, encoding="utf-8")
    for note in found.notes:
        err.print(f"note: {note}", markup=False)
    what = "no profile reads it yet"
    if found.profile:
        what = f"{counted(found.readings, 'reading')} of {found.profile}"
    caution = "Names of ports and sensors stay: look through it before you pass it on."
    err.print(f"{counted(found.values, 'value')}; {what}. {caution}")


@contextmanager
def _counting() -> Iterator[Callable[[int], None]]:
    """A line that counts the values, where somebody looks."""
    if not err.is_terminal:
        yield lambda count: None
        return
    with err.status("asking") as status:
        yield lambda count: status.update(f"{count} values")


def parse_ranges(texts: list[str]) -> list[Block]:
    """Ranges of registers such as `3:0-199`. Raises DcmonError."""
    from dcmon.collectors.decode_modbus import Block

    blocks = []
    for text in texts:
        match = _RANGE.fullmatch(text)
        first, last = (int(match[2]), int(match[3] or match[2])) if match else (1, 0)
        if match is None or not first <= last <= 65535:
            raise DcmonError(f"{text!r} is no range of registers: FUNCTION:FIRST-LAST, for example 3:0-199")
        blocks.append(Block(int(match[1]), first, last - first + 1))
    if sum(block.count for block in blocks) > _MOST:
        raise DcmonError(f"more than {_MOST} registers: name smaller ranges")
    return blocks
