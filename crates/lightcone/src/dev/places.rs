//! Where regions lie and how far they are apart: measured round trips, and what light in fibre needs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Error;
use crate::config::is_label;
use crate::names::suggestion;

/// A region of the dev world and the place of the measured table that it stands for.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    /// The region's name, as asked for.
    pub region: String,
    /// The place's name in the table.
    pub measured_at: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Place {
    /// The place of a region: one of the short names, or a name of the table in lower case with dashes.
    pub fn of_region(region: &str) -> Result<Place, Error> {
        let short = SHORT_NAMES.iter().find(|(name, _)| *name == region).map(|(_, place)| *place);
        let known =
            COORDINATES.values().find(|place| Some(place.name.as_str()) == short || dashed(&place.name) == region);
        match known {
            Some(place) if is_label(region) && MEASURED.knows(&place.name) => Ok(Place {
                region: region.to_owned(),
                measured_at: place.name.clone(),
                latitude: place.latitude,
                longitude: place.longitude,
            }),
            _ => {
                let names = region_names();
                let suggestion = suggestion(region, names.iter().map(String::as_str));
                Err(Error::Usage(format!("no region '{region}'{suggestion}\nregions: {}", names.join(", "))))
            }
        }
    }

    /// The measured round trip to another place, ms; the mean of both directions.
    pub fn rtt_ms(&self, other: &Place) -> Result<f64, Error> {
        let unknown = || {
            Error::Usage(format!(
                "no round trip was measured between {} and {}: choose another region",
                self.measured_at, other.measured_at
            ))
        };
        MEASURED.rtt_ms(&self.measured_at, &other.measured_at).ok_or_else(unknown)
    }

    /// What light in fibre needs there and back on the shortest way over the globe, ms.
    pub fn floor_ms(&self, other: &Place) -> f64 {
        2.0 * self.distance_km(other) / FIBRE_KM_PER_MS
    }

    /// Great-circle distance (haversine formula, spherical Earth).
    fn distance_km(&self, other: &Place) -> f64 {
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let across = (other.longitude - self.longitude).to_radians();
        let chord = ((to - from) / 2.0).sin().powi(2) + from.cos() * to.cos() * (across / 2.0).sin().powi(2);
        2.0 * EARTH_RADIUS_KM * chord.sqrt().min(1.0).asin()
    }
}

/// Every name that [`Place::of_region`] knows, the short ones first.
pub fn region_names() -> Vec<String> {
    let table =
        COORDINATES.values().map(|place| &place.name).filter(|name| MEASURED.knows(name)).map(|name| dashed(name));
    SHORT_NAMES.iter().map(|(name, _)| (*name).to_owned()).chain(table).collect()
}

fn dashed(name: &str) -> String {
    name.to_ascii_lowercase().replace(' ', "-")
}

#[derive(Deserialize)]
struct Coordinates {
    #[serde(rename = "displayName")]
    name: String,
    #[serde(rename = "lat")]
    latitude: f64,
    #[serde(rename = "lon")]
    longitude: f64,
}

/// Round trips by source and destination.
struct Measured(BTreeMap<(String, String), f64>);

impl Measured {
    /// Rows are sources, columns destinations, empty cells unknown.
    fn parse(text: &str) -> Measured {
        let mut lines = text.lines().map(|line| line.trim_start_matches('\u{feff}').split(',').map(str::trim));
        let columns: Vec<&str> = lines.next().into_iter().flatten().skip(1).collect();
        let mut measured = BTreeMap::new();
        for mut row in lines {
            let Some(from) = row.next() else { continue };
            for (to, cell) in columns.iter().zip(row) {
                if let Ok(rtt_ms) = cell.parse() {
                    measured.insert((from.to_owned(), (*to).to_owned()), rtt_ms);
                }
            }
        }
        Measured(measured)
    }

    fn knows(&self, name: &str) -> bool {
        self.0.keys().any(|(from, to)| from == name || to == name)
    }

    fn rtt_ms(&self, one: &str, other: &str) -> Option<f64> {
        let way = |from: &str, to: &str| self.0.get(&(from.to_owned(), to.to_owned())).copied();
        match (way(one, other), way(other, one)) {
            (Some(there), Some(back)) => Some((there + back) / 2.0),
            (there, back) => there.or(back),
        }
    }
}

static MEASURED: LazyLock<Measured> =
    LazyLock::new(|| Measured::parse(include_str!("../../data/azure-inter-region-rtt-ms.csv")));

static COORDINATES: LazyLock<BTreeMap<String, Coordinates>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../data/azure-region-coordinates.json"))
        .expect("a test reads the file that is built in")
});

/// Light in glass goes at two thirds of its speed in empty space.
const FIBRE_KM_PER_MS: f64 = 200.0;
const EARTH_RADIUS_KM: f64 = 6371.0;

/// Short names, by continent; the table's own names work too.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("us-east", "East US"),
    ("us-east-2", "East US 2"),
    ("us-central", "Central US"),
    ("us-north", "North Central US"),
    ("us-south", "South Central US"),
    ("us-west", "West US"),
    ("us-west-2", "West US 2"),
    ("us-west-3", "West US 3"),
    ("ca-central", "Canada Central"),
    ("mx-central", "Mexico Central"),
    ("sa-east", "Brazil South"),
    ("eu-west", "West Europe"),
    ("eu-north", "Sweden Central"),
    ("eu-central", "Germany West Central"),
    ("ie-north", "North Europe"),
    ("uk-south", "UK South"),
    ("fr-central", "France Central"),
    ("ch-north", "Switzerland North"),
    ("it-north", "Italy North"),
    ("pl-central", "Poland Central"),
    ("no-east", "Norway East"),
    ("il-central", "Israel Central"),
    ("me-central", "UAE North"),
    ("af-south", "South Africa North"),
    ("in-central", "Central India"),
    ("in-south", "South India"),
    ("ap-southeast", "Southeast Asia"),
    ("ap-east", "East Asia"),
    ("ap-northeast", "Japan East"),
    ("jp-west", "Japan West"),
    ("kr-central", "Korea Central"),
    ("au-east", "Australia East"),
    ("nz-north", "New Zealand North"),
];

#[cfg(test)]
mod tests {
    use super::{COORDINATES, Place, SHORT_NAMES, region_names};

    fn place(region: &str) -> Place {
        Place::of_region(region).expect("a known region")
    }

    #[test]
    fn every_name_that_is_listed_is_a_place() {
        assert!(COORDINATES.len() > 50);
        for name in region_names() {
            assert_eq!(place(&name).region, name);
        }
        assert!(SHORT_NAMES.len() > 20);
    }

    #[test]
    fn a_name_of_the_table_works_in_lower_case_with_dashes() {
        assert_eq!(place("west-us-2").measured_at, "West US 2");
        let error = Place::of_region("us-aest").expect_err("a slip").to_string();
        assert!(error.starts_with("no region 'us-aest'; did you mean 'us-east'?\nregions: us-east, "), "{error}");
    }

    #[test]
    fn round_trips_are_those_of_the_table() {
        let (east, west, japan) = (place("us-east"), place("eu-west"), place("ap-northeast"));
        let rtts = [east.rtt_ms(&west), west.rtt_ms(&japan), east.rtt_ms(&japan)].map(|rtt| rtt.expect("measured"));
        for (rtt, (least, most)) in rtts.into_iter().zip([(75.0, 95.0), (210.0, 250.0), (140.0, 175.0)]) {
            assert!((least..most).contains(&rtt), "{rtts:?}");
        }
        assert_eq!(east.rtt_ms(&west).expect("measured"), west.rtt_ms(&east).expect("measured"));
    }

    #[test]
    fn the_floor_is_the_way_over_the_globe_at_the_speed_of_light_in_fibre() {
        // London to Sydney: 16,994 km by the usual formula.
        let floor = place("uk-south").floor_ms(&place("au-east"));
        assert!((169.0..171.0).contains(&floor), "{floor}");
        assert_eq!(place("us-east").floor_ms(&place("us-east")), 0.0);
    }

    #[test]
    fn no_measurement_of_the_short_names_is_faster_than_light() {
        let places: Vec<Place> = SHORT_NAMES.iter().map(|(name, _)| place(name)).collect();
        for one in &places {
            for other in &places {
                if let (true, Ok(rtt)) = (one != other, one.rtt_ms(other)) {
                    // Coordinates are those of a city nearby: a few ms of slack.
                    assert!(
                        rtt + 5.0 > one.floor_ms(other),
                        "{} {} {rtt} {}",
                        one.region,
                        other.region,
                        one.floor_ms(other)
                    );
                }
            }
        }
    }
}
