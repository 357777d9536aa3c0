"""Runs redis-py's own tests against one region, under RESP2 and RESP3, and holds the outcome against the list of tests
that do not pass: a failure that is not listed is wrong, and so is a listed test that passes."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import redis_py_list
from redis_py_files import NOT_RUN, RUN
from redis_py_list import Listed

Outcome = dict[str, str]

HERE = Path(__file__).parent


def main() -> int:
    options = arguments()
    strangers = unknown_files(options.sources)
    if strangers:
        print(f"in neither list of redis_py_files.py: {', '.join(strangers)}")
        return 1
    allowed, listed = redis_py_list.read()
    outcomes = {protocol: run(options, protocol, listed) for protocol in (2, 3)}
    if options.propose:
        propose(outcomes, listed)
        return 0
    failed = len(listed) > allowed
    if failed:
        print(f"the list has {len(listed)} tests, {allowed} are allowed: it may only shrink")
    counts = Counter(failed=int(failed))
    for protocol, ended in outcomes.items():
        counts += judged(protocol, ended, [each for each in listed if each.concerns(protocol)])
    print(f"total: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=lambda path: Path(path).resolve(), required=True, help="the unpacked source distribution of redis-py")
    parser.add_argument("--port", type=int, required=True, help="where the region listens")
    parser.add_argument("--propose", action="store_true", help="write the list anew from what fails now")
    parser.add_argument("--only", metavar="WORDS", help="only tests that match, as pytest's -k; judges nothing, shows all")
    return parser.parse_args()


def unknown_files(sources: Path) -> list[str]:
    found = {str(path.relative_to(sources)) for path in (sources / "tests").rglob("test_*.py")}
    return sorted(found - set(RUN) - set(NOT_RUN))


def run(options: argparse.Namespace, protocol: int, listed: list[Listed]) -> dict[str, Outcome]:
    """How every test ended under one protocol."""
    pytest = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), "--rootdir", str(options.sources)]
    pytest += ["-p", "redis_py_outcomes", "-p", "no:cacheprovider", "--protocol", str(protocol)]
    pytest += ["--redis-url", f"redis://127.0.0.1:{options.port}/0", "--disable-warnings"]
    pytest += ["-v", "-k", options.only] if options.only else ["-qq", "--tb=no", "--no-summary"]
    harmful = [each.test for each in listed if each.never_run and each.concerns(protocol)]
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "outcomes.jsonl"
        environment = {
            **os.environ, "PYTHONPATH": str(HERE), "REDIS_PY_OUTCOMES": str(told), "REDIS_PY_NEVER_RUN": "\n".join(harmful)
        }
        print(f"redis-py under RESP{protocol}", flush=True)
        done = subprocess.run(
            [*pytest, *RUN], cwd=options.sources, env=environment, text=True,
            stdout=None if options.only else subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        if options.only:
            sys.exit(done.returncode)
        if not told.exists() or not told.stat().st_size:
            sys.exit(f"pytest ended with {done.returncode} before it ran a test:\n{done.stdout}")
        lines = [json.loads(line) for line in told.read_text().splitlines()]
    return {line["test"]: line for line in lines}


def judged(protocol: int, ended: dict[str, Outcome], listed: list[Listed]) -> Counter[str]:
    """Counts, after saying what is wrong."""
    known = {each.test: each for each in listed}
    wrong = []
    for test, outcome in ended.items():
        if outcome["outcome"] == "failed" and test not in known:
            wrong.append(f"fails and is not on the list: {test}: {outcome['why'].splitlines()[0] if outcome['why'] else ''}")
        if outcome["outcome"] == "passed" and test in known:
            wrong.append(f"passes, take it off the list: {known[test].line()}")
    for each in listed:
        if each.test not in ended and not each.never_run:
            wrong.append(f"does not exist, take it off the list: {each.line()}")
    print(f"RESP{protocol}:")
    for line in wrong:
        print(f"  {line}")
    counts = Counter(outcome["outcome"] for outcome in ended.values())
    passed = sum(outcome["outcome"] == "passed" and test not in known for test, outcome in ended.items())
    print(f"  {passed} passed, {len(wrong)} wrong, {len(listed)} on the list, {counts['skipped']} left out by redis-py itself")
    return Counter(passed=passed, failed=len(wrong), skipped=len(listed) + counts["skipped"])


def propose(outcomes: dict[int, dict[str, Outcome]], listed: list[Listed]) -> None:
    """What fails now, with the reasons that are already known; tests that are never run stay."""
    reasons = {each.test: each.reason for each in listed if not each.reason.startswith("to look at")}
    failing = {
        protocol: {test: told["why"] for test, told in ended.items() if told["outcome"] == "failed"}
        for protocol, ended in outcomes.items()
    }
    proposed = [each for each in listed if each.never_run]
    for test in sorted(failing[2].keys() | failing[3].keys()):
        protocols = [protocol for protocol in (2, 3) if test in failing[protocol]]
        why = failing[protocols[0]][test]
        reason = reasons.get(test) or redis_py_list.reason_for(why)
        only = protocols[0] if len(protocols) == 1 else None
        proposed.append(Listed(test, only, reason, redis_py_list.asks_a_fixed_port(why)))
    redis_py_list.write(proposed, len(proposed))
    print(f"{redis_py_list.PATH}: {len(proposed)} tests")


if __name__ == "__main__":
    sys.exit(main())
