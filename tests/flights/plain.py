"""The same facts, computed in one process with dictionaries: what all regions must answer in the end."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from records import Flight

# A counter as text, a set, a hash as text by field, a sorted set as scores by member.
Value = str | set[str] | dict[str, str] | dict[str, float]


def expected(flights: Iterable[Flight]) -> dict[str, Value]:
    """Every key that the flights leave behind, with its value."""
    counters: Counter[str] = Counter()
    seen: defaultdict[str, set[str]] = defaultdict(set)
    planes: defaultdict[str, dict[str, str]] = defaultdict(dict)
    departures: Counter[str] = Counter()
    miles: Counter[str] = Counter()
    busiest: Counter[str] = Counter()
    for flight in flights:
        if not flight.departed:
            counters[f"cancelled:{flight.origin}"] += 1
            continue
        counters[f"departures:{flight.origin}"] += 1
        counters[f"arrivals:{flight.destination}"] += 1
        for airport in (flight.origin, flight.destination):
            seen[f"carriers:{airport}"].add(flight.carrier)
            busiest[airport] += 1
            if flight.plane:
                seen[f"planes:{airport}"].add(flight.plane)
        if flight.plane:
            plane = f"plane:{flight.plane}"
            departures[plane] += 1
            miles[plane] += flight.miles
            planes[plane][f"left:{flight.origin}"] = flight.day
            planes[plane][f"reached:{flight.destination}"] = flight.day
    for plane, fields in planes.items():
        fields |= {"departures": str(departures[plane]), "miles": str(miles[plane])}
    scores = {airport: float(count) for airport, count in busiest.items()}
    return {key: str(count) for key, count in counters.items()} | seen | planes | ({"busiest": scores} if scores else {})
