"""Walking tables with GETBULK (v2c, v3) or GETNEXT (v1), several columns in one PDU, within what a device can bear."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dcmon.collectors.snmp.ber import EXCEPTIONS, Oid, VarBind, format_oid, is_after
from dcmon.collectors.snmp.message import AUTHORIZATION_ERROR, GETBULK, GETNEXT, NO_SUCH_NAME, TOO_BIG
from dcmon.model import CollectError

if TYPE_CHECKING:
    from dcmon.collectors.snmp.session import Answer, Exchange, SnmpStats

log = logging.getLogger(__name__)

_MAX_OCTETS: Final = 1430
"""Longer answers than 1,472 octets become fragments, and fragments get lost; some room is left for longer values."""
_UNKNOWN_OCTETS: Final = 140.0
"""Of a variable binding of which nothing is known: 10 repetitions of one column."""
_FADING: Final = 0.8
_MAX_REPETITIONS: Final = 25
_MAX_COLUMNS: Final = 24
_MAX_ROOTS: Final = 256
_MAX_VARBINDS: Final = 100_000
_GOOD_ANSWERS: Final = 200
"""After so many answers in a row a device that once had to be spared is tried with twice as much."""


@dataclass(slots=True)
class WalkLimits:
    """What is known of one device: kept from walk to walk."""

    repetitions: int = _MAX_REPETITIONS
    columns: int = _MAX_COLUMNS
    octets: dict[Oid, float] = field(default_factory=dict)
    """Of one variable binding with its share of the message, by the first column asked for."""
    good: int = 0
    loop_told: bool = False

    def effective(self, root: Oid, columns: int) -> int:
        """max-repetitions for so many columns, `root` the first, such that the answer fits one packet."""
        fitting = int(_MAX_OCTETS / (self.octets.get(root, _UNKNOWN_OCTETS) * columns))
        return max(1, min(self.repetitions, fitting))

    def note(self, root: Oid, answer: Answer) -> None:
        """Learns from an answer that was good."""
        if answer.varbinds:
            share = answer.octets / len(answer.varbinds)
            if len(self.octets) >= _MAX_ROOTS:
                self.octets.clear()
            self.octets[root] = max(share, _FADING * self.octets.get(root, 0.0))
        self.good += 1
        if self.good >= _GOOD_ANSWERS:
            self.good = 0
            self.repetitions = min(_MAX_REPETITIONS, self.repetitions * 2)
            self.columns = min(_MAX_COLUMNS, self.columns * 2)

    def shrink(self, columns: int, repetitions: int) -> bool:
        """Halves what was too much: first the repetitions, then the columns. False when there is nothing to halve."""
        self.good = 0
        if repetitions > 1:
            self.repetitions = repetitions // 2
        elif columns > 1:
            self.columns = columns // 2
        else:
            return False
        return True


class _Column:
    """How far one column has come. `end`: why it goes no further."""

    __slots__ = ("end", "last", "root", "rows")

    def __init__(self, root: Oid) -> None:
        self.root = root
        self.last = root
        self.rows: list[VarBind] = []
        self.end: str | None = None


async def walk_columns(
    exchange: Exchange, roots: tuple[Oid, ...], limits: WalkLimits, stats: SnmpStats, *, hopeful: bool = True
) -> dict[Oid, list[VarBind]]:
    """All rows below each root, in order; CollectError when the agent does not answer or answers nothing sane.

    Not `hopeful`: the first question is sent once only.
    """
    columns = [_Column(root) for root in dict.fromkeys(roots)]
    active = columns
    total = 0
    while active:
        batch = active[: limits.columns]
        answer, asked = await _ask(exchange, batch, limits, None if hopeful else 0)
        hopeful = True
        batch = batch[:asked]
        if answer.status:
            _end_failed(batch, answer, limits)
        else:
            limits.note(batch[0].root, answer)
            taken = _take(batch, answer.varbinds)
            total += taken
            if not taken and not any(column.end for column in batch) and not limits.shrink(len(batch), 1):
                raise CollectError("decode", f"an answer without values for {format_oid(batch[0].last)}")
            if total > _MAX_VARBINDS:
                raise CollectError("loop", f"more than {_MAX_VARBINDS} values below {format_oid(batch[0].root)}")
        active = [column for column in active if column.end is None]
    _judge(columns, exchange.name, limits, stats)
    return {column.root: column.rows for column in columns}


async def _ask(exchange: Exchange, batch: list[_Column], limits: WalkLimits, retries: int | None) -> tuple[Answer, int]:
    """(answer, how many columns it is for). What stays unanswered or is too big is asked for in halves.

    Only what no retransmission brought is taken for too much: were a device that loses datagrams asked for less, it
    would be asked more often, and its poll would never end. Half of it is then sent once.
    """
    once = retries == 0
    while True:
        columns = batch[: limits.columns]
        repetitions = limits.effective(columns[0].root, len(columns)) if exchange.bulk else 1
        names = tuple(column.last for column in columns)
        weak = repetitions > 1 or len(columns) > 1
        try:
            pdu = GETBULK if exchange.bulk else GETNEXT
            sendings = retries if weak or once else None
            answer = await exchange.request(pdu, names, repetitions if exchange.bulk else 0, sendings)
        except CollectError as error:
            if error.reason != "timeout" or not limits.shrink(len(columns), repetitions) or retries == 0:
                raise
            retries = 0
            continue
        if answer.status == TOO_BIG:
            if not limits.shrink(len(columns), repetitions):
                raise CollectError("too-big", f"one value behind {format_oid(names[0])} does not fit a datagram")
            continue
        return answer, len(columns)


def _take(batch: list[_Column], varbinds: list[VarBind]) -> int:
    """Sorts an answer's bindings into their columns (RFC 3416 section 4.2.3: row by row); returns how many were new."""
    width = len(batch)
    taken = 0
    for start, column in enumerate(batch):
        if start >= len(varbinds):
            break
        root, rows, last = column.root, column.rows, column.last
        size = len(root)
        index = last[size:]
        before = len(rows)
        for varbind in varbinds[start::width]:
            oid = varbind[0]
            if varbind[1] in EXCEPTIONS or not oid.startswith(root):
                column.end = "out"
                break
            previous, index = index, oid[size:]
            # Octets compare as the numbers do as long as no number takes two of them.
            if not (index > previous if index.isascii() and previous.isascii() else is_after(index, previous)):
                column.end = "loop"
                break
            last = oid
            rows.append(varbind)
        column.last = last
        taken += len(rows) - before
    return taken


def _end_failed(batch: list[_Column], answer: Answer, limits: WalkLimits) -> None:
    """Ends the column that the agent stumbled over; v1 says noSuchName at the end of its MIB."""
    if answer.status == AUTHORIZATION_ERROR:
        raise CollectError("auth", "the agent answers authorizationError: check its view and access rules")
    if len(batch) == 1:
        column = batch[0]
    elif 1 <= answer.index <= len(batch):
        column = batch[answer.index - 1]
    else:
        limits.shrink(len(batch), 1)  # it does not say which: ask fewer at once until it is clear
        return
    column.end = "out" if answer.status == NO_SUCH_NAME else "error"


def _judge(columns: list[_Column], name: str, limits: WalkLimits, stats: SnmpStats) -> None:
    """A column that looped or failed keeps what it had; a walk that has nothing else to show is an error."""
    looped = [column for column in columns if column.end == "loop"]
    if looped:
        stats.loops += 1
        detail = f"OIDs do not increase behind {format_oid(looped[0].last)}"
        if not any(column.rows for column in columns):
            raise CollectError("loop", detail)
        if not limits.loop_told:
            limits.loop_told = True
            log.warning("walk of %s stopped early: %s; what came before is used", name, detail)
    failed = [column for column in columns if column.end == "error"]
    if failed and not any(column.rows for column in columns):
        raise CollectError("error", f"the agent fails behind {format_oid(failed[0].last)}")
