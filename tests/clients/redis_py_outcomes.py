"""A pytest plugin: writes down how each test ended, one JSON object per line, to the file named by REDIS_PY_OUTCOMES.
Leaves out the tests that stand, one per line, in REDIS_PY_NEVER_RUN."""

import json
import os
from pathlib import Path

import pytest

OUTCOMES: dict[str, dict[str, str]] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """By their whole name: pytest's own --deselect also drops tests whose names only begin alike."""
    harmful = os.environ["REDIS_PY_NEVER_RUN"].splitlines()
    items[:] = [item for item in items if item.nodeid not in harmful]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test fails if its set-up, itself or its clean-up fails; it is skipped if its set-up or itself is."""
    known = OUTCOMES.setdefault(report.nodeid, {"outcome": "passed", "why": ""})
    if report.failed:
        known |= {"outcome": "failed", "why": last_line(report)}
    elif report.skipped and known["outcome"] == "passed":
        known |= {"outcome": "skipped", "why": ""}


def last_line(report: pytest.TestReport) -> str:
    """The exception, without the way to it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else str(report.longrepr)).strip()[:2000]


def pytest_sessionfinish() -> None:
    """Errors while collecting leave no outcomes behind; the runner sees that its tests are missing."""
    lines = (json.dumps({"test": test, **outcome}) + "\n" for test, outcome in OUTCOMES.items())
    Path(os.environ["REDIS_PY_OUTCOMES"]).write_text("".join(lines))
