"""What proves that a duty was done."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dcmon.config.base import Identifier, Strict


class RecordEvidence(Strict):
    """A record that dcmon makes of readings or of what people enter, and that has passed."""

    record: Literal["load-bank", "battery-test", "sequence", "drill", "delivery", "maintenance", "page-test"] = Field(
        description="its kind"
    )
    subject: Identifier | None = Field(
        default=None, description="what it is about; each asset of the duty has its own when absent"
    )
    rule: Identifier | None = Field(default=None, description="which sequence; any when absent")
    scope: tuple[Identifier, ...] = Field(
        default=(), description="a drill counts only when it was about all of these, or about the whole site"
    )


class MovementEvidence(Strict):
    """Every series of these points, at the assets of the duty, was seen in both of its states."""

    moved: Annotated[tuple[str, ...], Field(min_length=1)]


Evidence = Literal["entry"] | RecordEvidence | MovementEvidence
"""`entry`: a person enters that it was done, with a note or a file. Such an entry counts for the others too."""
