"""`agent.yaml`: how dcmon itself runs. Every default of dcmon stands here and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from dcmon.config.base import Duration, SecretRef, Strict


class Polling(Strict):
    """How often devices are asked and for how long an answer is waited for."""

    fast: Duration = Field(
        default=2_000, description="mains, UPS source, breakers; everything of an abnormal power chain"
    )
    slow: Duration = Field(default=15_000, description="everything else")
    timeout: Duration = Field(default=1_000, description="one request; real time, whatever the clock's speed")
    retries: Annotated[int, Field(ge=0, le=5)] = Field(default=2, description="repetitions of one SNMP request")
    deadline: Duration = Field(default=10_000, description="one whole poll of one device; real time")
    max_back_off: Duration = Field(default=60_000, description="longest pause between polls of a silent device")
    max_in_flight: PositiveInt = Field(default=50, description="requests under way at once, over all devices")
    transport: Literal["native", "pysnmp"] = Field(
        default="native", description="who encodes SNMP v1 and v2c; v3 is the same under both"
    )


class Traps(Strict):
    """The receiver of SNMP traps and informs."""

    enabled: bool = True
    listen: str = Field(
        default="127.0.0.1:9162", description="HOST:PORT; `[::]:162` takes IPv4 in; port 162 needs a privilege"
    )
    credentials: tuple[str, ...] = Field(default=(), description="v3 users of collectors.yaml that may send")


class Web(Strict):
    """The NOC page and the API. Only loopback: there is no sign-in yet."""

    listen: str = "127.0.0.1:8080"
    url: str | None = Field(
        default=None, description="address under which people reach the page, for messages; http://LISTEN when absent"
    )

    @property
    def address(self) -> str:
        """The page's address without a slash at its end."""
        return (self.url or f"http://{self.listen}").rstrip("/")


class Samples(Strict):
    """How long time series are kept."""

    raw: Duration = Field(default=30 * 86_400_000, description="every sample")
    minutes: Duration = Field(default=400 * 86_400_000, description="1-minute mean, minimum and maximum")
    journal: Duration = Field(default=400 * 86_400_000, description="transitions and deliveries")


class Influx(Strict):
    """The sample sink: anything that takes line protocol at /api/v2/write or /write."""

    enabled: bool = False
    url: str = "http://127.0.0.1:8086"
    api: Literal["v2", "v1"] = Field(
        default="v2", description="v2: InfluxDB 2 and 3, VictoriaMetrics; v1: InfluxDB 1.x"
    )
    org: str = "dcmon"
    bucket: str = Field(default="dcmon", description="the database, for v1")
    token: SecretRef | None = None
    flush: Duration = Field(default=1_000, description="how often samples are sent")
    timeout: Duration = Field(default=10_000, description="one request; real time")
    spool_mb: PositiveFloat = Field(default=512, description="bound of the spool; the oldest is dropped and counted")


class Smtp(Strict):
    """The mail relay."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    security: Literal["none", "starttls", "tls"] = "none"
    user: str | None = None
    password: SecretRef | None = None
    sender: str = "dcmon@localhost"
    timeout: Duration = Field(default=20_000, description="one step of the SMTP dialogue; real time")
    ca_file: Path | None = Field(default=None, description="PEM file of a private CA; the system's CAs when absent")


class Cap(Strict):
    """At most `messages` to one person over one channel in any `window`; the rest is bundled."""

    messages: Annotated[int, Field(ge=2)]
    window: Duration


class Outbox(Strict):
    """How notifications are sent again when a channel does not take them."""

    lease: Duration = Field(default=60_000, description="a message claimed for longer is claimed anew")
    retry: Duration = Field(default=5_000, description="first pause after a failure; doubled each time")
    max_retry: Duration = Field(default=300_000, description="longest pause after a failure")
    give_up: Duration = Field(default=24 * 3_600_000, description="older messages are recorded as failed")
    deadline: Duration = Field(
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


class Agent(Strict):
    """dcmon itself."""

    data_dir: Path = Field(default=Path("/var/lib/dcmon"), description="journal, samples and spool")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    polling: Polling = Polling()
    traps: Traps = Traps()
    web: Web = Web()
    samples: Samples = Samples()
    influx: Influx = Influx()
    smtp: Smtp = Smtp()
    outbox: Outbox = Outbox()
