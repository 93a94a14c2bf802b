"""What all tests share: golden files, programs a test needs, and no network where none belongs."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI") == "true"
_WITHOUT_NETWORK = ("unit", "golden", "property")

settings.register_profile("dcmon", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dcmon")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A run in the background of a shell ignores it, and so would every process that the tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what the code says into the golden files")


def missing(what: str, why: str) -> None:
    """Leaves the test out, saying why; with CI=true nothing may be left out."""
    message = f"{what} is not here: {why}"
    if CI:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
                missing(program, "`make packages` installs what the tests need from Debian")


@pytest.fixture(autouse=True)
def _network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Unit, golden and property tests reach no network: what they test decides and does not act."""
    if request.path.relative_to(ROOT / "tests").parts[0] in _WITHOUT_NETWORK:
        pytest_socket.disable_socket(allow_unix_socket=True)
    try:
        yield
    finally:
        pytest_socket.enable_socket()


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


def shared_folder(variable: str) -> Path:
    """A folder of test data that is under other licences and so not in this repository."""
    value = os.environ.get(variable)
    folder = Path(value) if value else None
    if folder is None or not folder.is_dir():
        missing(variable, "set it to the folder of device recordings (see docs/contributing.md)")
    assert folder is not None
    return folder


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of .snmprec files and expected.jsonl."""
    return shared_folder("DCMON_RECORDINGS")


@pytest.fixture(scope="session")
def modbus_maps() -> Path:
    """The folder of Modbus register maps."""
    return shared_folder("DCMON_MODBUS_MAPS")


@pytest.fixture(scope="session")
def example_site() -> Path:
    """The configuration that is shipped."""
    return ROOT / "config"
