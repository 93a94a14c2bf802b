"""`agent.yaml`: how dcmon itself runs. Every default of dcmon stands here and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from dcmon.config.base import Duration, EmailAddress, Host, SecretRef, Strict, Url, at_least


class Polling(Strict):
    """How often devices are asked and for how long an answer is waited for."""

    fast: Annotated[Duration, at_least("100ms")] = Field(
        default=2_000,
        description="mains, UPS source, breakers; everything of an abnormal power chain and about a pending alarm",
    )
    slow: Annotated[Duration, at_least("100ms")] = Field(default=15_000, description="everything else")
    timeout: Annotated[Duration, at_least("10ms")] = Field(
        default=1_000, description="one request; real time, whatever the clock's speed"
    )
    retries: Annotated[int, Field(ge=0, le=5)] = Field(default=2, description="repetitions of one SNMP request")
    deadline: Annotated[Duration, at_least("10ms")] = Field(default=10_000, description="one whole poll of one device")
    max_back_off: Annotated[Duration, at_least("100ms")] = Field(
        default=60_000, description="longest pause between polls of a silent device"
    )
    max_in_flight: PositiveInt = Field(default=50, description="requests under way at once, over all devices")
    transport: Literal["native", "pysnmp"] = Field(
        default="native", description="who encodes SNMP v1 and v2c; v3 is the same under both"
    )

    @model_validator(mode="after")
    def _fast_is_faster(self) -> Polling:
        if self.fast > self.slow:
            raise ValueError("fast is slower than slow; exchange them")
        return self


class Traps(Strict):
    """The receiver of SNMP traps and informs."""

    enabled: bool = True
    listen: str = Field(
        default="127.0.0.1:9162", description="HOST:PORT; `[::]:162` takes IPv4 in; port 162 needs a privilege"
    )
    credentials: tuple[str, ...] = Field(
        default=(), description="of collectors.yaml, who may send besides those by which devices are read"
    )


class Web(Strict):
    """The NOC page and the API. Only loopback: there is no sign-in yet."""

    listen: str = "127.0.0.1:8080"
    url: Url | None = Field(
        default=None, description="address under which people reach the page, for messages; http://LISTEN when absent"
    )

    @property
    def address(self) -> str:
        """The page's address without a slash at its end."""
        return (self.url or f"http://{self.listen}").rstrip("/")


class Samples(Strict):
    """How long time series are kept."""

    raw: Annotated[Duration, at_least("1h")] = Field(default=30 * 86_400_000, description="every sample")
    minutes: Annotated[Duration, at_least("1h")] = Field(
        default=400 * 86_400_000, description="1-minute mean, minimum and maximum"
    )
    journal: Annotated[Duration, at_least("1h")] = Field(
        default=400 * 86_400_000, description="transitions and deliveries"
    )


class Influx(Strict):
    """The sample sink: anything that takes line protocol at /api/v2/write or /write."""

    enabled: bool = False
    url: Url = "http://127.0.0.1:8086"
    api: Literal["v2", "v1"] = Field(
        default="v2", description="v2: InfluxDB 2 and 3, VictoriaMetrics; v1: InfluxDB 1.x"
    )
    org: str = "dcmon"
    bucket: str = Field(default="dcmon", description="the database, for v1")
    token: SecretRef | None = None
    flush: Annotated[Duration, at_least("10ms")] = Field(default=1_000, description="how often samples are sent")
    timeout: Annotated[Duration, at_least("10ms")] = Field(default=10_000, description="one request; real time")
    spool_mb: PositiveFloat = Field(default=512, description="bound of the spool; the oldest is dropped and counted")


class Smtp(Strict):
    """The mail relay."""

    host: Host = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    security: Literal["none", "starttls", "tls"] = "none"
    user: str | None = None
    password: SecretRef | None = None
    sender: EmailAddress = "dcmon@localhost"
    timeout: Annotated[Duration, at_least("10ms")] = Field(
        default=20_000, description="one step of the SMTP dialogue; real time"
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file of a private CA, relative to this file; the system's CAs when absent"
    )

    @model_validator(mode="after")
    def _password_fits(self) -> Smtp:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together; give both or neither")
        if self.user is not None and self.security == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("the password would cross the network in clear text; set security to starttls or tls")
        return self


class Cap(Strict):
    """At most `messages` to one person over one channel in any `window`; the rest is bundled."""

    messages: Annotated[int, Field(ge=2)]
    window: Annotated[Duration, at_least("10ms")]


class Outbox(Strict):
    """How notifications are sent again when a channel does not take them."""

    lease: Annotated[Duration, at_least("10ms")] = Field(
        default=60_000, description="a message claimed for longer is claimed anew"
    )
    retry: Annotated[Duration, at_least("10ms")] = Field(
        default=5_000, description="first pause after a failure; doubled each time"
    )
    max_retry: Annotated[Duration, at_least("10ms")] = Field(
        default=300_000, description="longest pause after a failure"
    )
    give_up: Annotated[Duration, at_least("10ms")] = Field(
        default=24 * 3_600_000, description="older messages are recorded as failed"
    )
    deadline: Annotated[Duration, at_least("10ms")] = Field(
        default=45_000, description="one attempt as a whole, then its outcome is unknown; real time"
    )
    divert: Duration = Field(
        default=30_000, description="a page that its channel has not taken for so long goes over another one as well"
    )
    in_flight: PositiveInt = Field(default=8, description="messages under way at once over one channel")
    caps: dict[str, Cap] = Field(
        default={"email": Cap.model_validate({"messages": 20, "window": "15m"})},
        description="storm caps by channel; a channel that is not named has none",
    )

    @model_validator(mode="after")
    def _retry_grows(self) -> Outbox:
        if self.retry > self.max_retry:
            raise ValueError("retry is longer than max_retry; exchange them")
        return self


class Agent(Strict):
    """dcmon itself."""

    data_dir: Path = Field(
        default=Path("/var/lib/dcmon"), description="journal, samples and spool; relative to this file"
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    polling: Polling = Polling()
    traps: Traps = Traps()
    web: Web = Web()
    samples: Samples = Samples()
    influx: Influx = Influx()
    smtp: Smtp = Smtp()
    outbox: Outbox = Outbox()
