"""Which region takes which half of a flight: departures go to the region nearest the origin, arrivals to the region
nearest the destination. So a plane that crosses the country is written about in two regions, often at the same moment."""

import json
import math
from pathlib import Path

from records import Place

COORDINATES = Path(__file__).parents[2] / "crates/lightcone/data/azure-region-coordinates.json"


def region_places(measured_at: dict[str, str]) -> dict[str, Place]:
    """Coordinates of regions, from the names of the places that they stand for."""
    known = {place["displayName"]: Place(place["lat"], place["lon"]) for place in json.loads(COORDINATES.read_text()).values()}
    return {region: known[name] for region, name in measured_at.items()}


def nearest_regions(airports: dict[str, Place], regions: dict[str, Place]) -> dict[str, str]:
    """For each airport the region that is nearest to it."""
    return {
        code: min(regions, key=lambda region: distance_km(place, regions[region])) for code, place in airports.items()
    }


def distance_km(one: Place, other: Place) -> float:
    """Great-circle distance (haversine)."""
    north_one, north_other = math.radians(one.latitude), math.radians(other.latitude)
    east = math.radians(other.longitude - one.longitude)
    chord = math.sin((north_other - north_one) / 2) ** 2 + math.cos(north_one) * math.cos(north_other) * math.sin(east / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(chord))
