"""How far it is while it runs, and the table at the end."""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from load import Load
from rounds import KINDS, Figures
from wire import Fate

SORTS = {
    "lost": "acknowledged and not there",
    "doubled": "one dot for two writes",
    "diverged": "regions differ, or differed at equal vectors",
    "torn": "a part of a transaction, or a pipeline with a hole",
    "invented": "refused, removed, ended or never written, and there",
    "unhealthy": "alarms, ends, no answer in time",
}


class Progress:
    """A line that is rewritten on a terminal, and repeated now and then elsewhere."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.start = time.monotonic()
        self.shown = self.start

    def show(self, figures: Figures, doing: str) -> None:
        terminal = sys.stdout.isatty()
        now = time.monotonic()
        if not terminal and now - self.shown < 10:
            return
        self.shown = now
        each_s = (now - self.start) / figures.rounds if figures.rounds else 0
        left = f"{each_s:.1f} s each, {each_s * (self.rounds - figures.rounds):.0f} s left" if each_s else "just begun"
        text = f"{figures.rounds} of {self.rounds} rounds, {left}; {len(figures.findings)} findings; {doing}"
        print(f"\r\x1b[K{text}" if terminal else text, end="" if terminal else "\n", flush=True)

    def clear(self) -> None:
        if sys.stdout.isatty():
            print("\r\x1b[K", end="")


def numbers(figures: Figures, load: Load, examined: dict[str, int], seed: int) -> dict[str, Any]:
    """Everything that was counted."""
    recoveries = figures.recoveries_ms or [0.0]
    return {
        "seed": seed,
        "rounds": figures.rounds,
        "seconds": round(figures.seconds, 1),
        "kills": sum(figures.kills_by_kind.values()),
        "rounds_by_kind": {kind: figures.rounds_by_kind[kind] for kind in KINDS},
        "kills_by_kind": {kind: figures.kills_by_kind[kind] for kind in KINDS},
        "starts_alone": figures.starts_alone,
        "writes_acknowledged": load.total(Fate.HELD),
        "writes_unknown": load.total(Fate.UNKNOWN),
        "writes_refused": load.total(Fate.REFUSED),
        "silences": load.silences(),
        **examined,
        **{sort: figures.count(sort) for sort in SORTS},
        "recovery_ms_median": round(statistics.median(recoveries)),
        "recovery_ms_max": round(max(recoveries)),
        "settling_ms_median": round(statistics.median(figures.settlings_ms or [0.0])),
        "settling_ms_max": round(max(figures.settlings_ms or [0.0])),
    }


def table(told: dict[str, Any]) -> str:
    """Two columns of words and one of numbers."""
    rows = [("rounds", told["rounds"], f"{told['seconds']:.0f} s, seed {told['seed']}"), ("kills", told["kills"], "")]
    rows += [(f"  {kind}", told["kills_by_kind"][kind], meaning) for kind, meaning in KINDS.items()]
    rows += [
        ("starts alone", told["starts_alone"], "looked at before they heard anybody"),
        ("writes acknowledged", told["writes_acknowledged"], ""),
        ("writes unknown", told["writes_unknown"], "the connection ended before the answer"),
        ("writes refused", told["writes_refused"], "by a node that said so"),
        ("silences", told["silences"], "no answer on a connection that stood"),
        ("records read", told["records_read"], "values, compared with what their writers heard"),
        ("entries compared", told["entries_compared"], "of all journals, by dot"),
        ("bytes not compared", told["journal_bytes_missed"], "of journals, dropped before they were read"),
        *((sort, told[sort], meaning) for sort, meaning in SORTS.items()),
        ("recovery, median", f"{told['recovery_ms_median']} ms", "from exec to the first OK for a write"),
        ("recovery, longest", f"{told['recovery_ms_max']} ms", ""),
        ("settling, median", f"{told['settling_ms_median']} ms", "from the end of the load until all regions are equal"),
        ("settling, longest", f"{told['settling_ms_max']} ms", ""),
    ]
    return "\n".join(f"{name:<20} {shown(number):>10}  {meaning}".rstrip() for name, number, meaning in rows)


def shown(number: int | str) -> str:
    return number if isinstance(number, str) else f"{number:,}"


def write(told: dict[str, Any], where: str | None, standard_output: TextIO) -> None:
    """Into a file; `-`: on standard output; nowhere if nobody asked."""
    text = json.dumps(told, indent=2) + "\n"
    if where == "-":
        standard_output.write(text)
    elif where:
        Path(where).write_text(text)
