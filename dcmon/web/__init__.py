"""The NOC page, the JSON API, /healthz and /metrics. It reads what the rest of dcmon knows and decides nothing."""

from dcmon.web.guard import check_listen
from dcmon.web.server import create_app
from dcmon.web.state import SiteState

__all__ = ["SiteState", "check_listen", "create_app"]
