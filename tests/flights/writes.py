"""What a region writes when a flight leaves, and when it arrives. Every type of record takes part."""

from records import Flight

Command = tuple[str | int, ...]


def on_departure(flight: Flight) -> list[Command]:
    """Written where the flight leaves. A flight that did not leave is only counted."""
    if not flight.departed:
        return [("INCR", f"cancelled:{flight.origin}")]
    commands = [("INCR", f"departures:{flight.origin}"), *at_airport(flight, flight.origin)]
    if flight.plane:
        plane = f"plane:{flight.plane}"
        commands.append(("HINCRBY", plane, "departures", 1))
        # Only the region of this airport writes this field, in order: the last flight stays.
        commands.append(("HSET", plane, f"left:{flight.origin}", flight.day))
    return commands


def on_arrival(flight: Flight) -> list[Command]:
    """Written where the flight was bound for."""
    if not flight.departed:
        return []
    commands = [("INCR", f"arrivals:{flight.destination}"), *at_airport(flight, flight.destination)]
    if flight.plane:
        plane = f"plane:{flight.plane}"
        # All regions add to the same field of the same plane.
        commands.append(("HINCRBY", plane, "miles", flight.miles))
        commands.append(("HSET", plane, f"reached:{flight.destination}", flight.day))
    return commands


def at_airport(flight: Flight, airport: str) -> list[Command]:
    """Who was seen at an airport, and how busy it is."""
    commands: list[Command] = [("SADD", f"carriers:{airport}", flight.carrier), ("ZINCRBY", "busiest", 1, airport)]
    if flight.plane:
        commands.append(("SADD", f"planes:{airport}", flight.plane))
    return commands
