//! A place with a name.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Where on Earth, in millionths of a degree: whole numbers are the same on every machine and in every text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coordinates {
    latitude_udeg: i32,
    longitude_udeg: i32,
}

impl Coordinates {
    /// Degrees north and east; `None` if that is nowhere on Earth.
    pub fn of_degrees(latitude: f64, longitude: f64) -> Option<Coordinates> {
        let udeg = |degrees: f64| (degrees * UDEG).round() as i32;
        let coordinates = Coordinates { latitude_udeg: udeg(latitude), longitude_udeg: udeg(longitude) };
        (latitude.is_finite() && longitude.is_finite() && coordinates.is_on_earth()).then_some(coordinates)
    }

    /// Degrees north.
    pub fn latitude(&self) -> f64 {
        f64::from(self.latitude_udeg) / UDEG
    }

    /// Degrees east.
    pub fn longitude(&self) -> f64 {
        f64::from(self.longitude_udeg) / UDEG
    }

    /// Whether both are within bounds; decoded ones may not be.
    pub(crate) fn is_on_earth(&self) -> bool {
        self.latitude_udeg.unsigned_abs() <= 90_000_000 && self.longitude_udeg.unsigned_abs() <= 180_000_000
    }
}

/// A region: it is there as long as a node of it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Where it is, as its nodes last said; `None`: nobody said.
    pub coordinates: Option<Coordinates>,
    /// Whose laws hold there, as its nodes last said.
    pub jurisdictions: BTreeSet<String>,
    /// When its first node came, Unix ms.
    pub joined_ms: u64,
}

const UDEG: f64 = 1e6;

#[cfg(test)]
mod tests {
    use super::Coordinates;

    #[test]
    fn degrees_survive_to_a_decimetre() {
        let oslo = Coordinates::of_degrees(59.913_868, -10.752_245).expect("on Earth");
        assert_eq!((oslo.latitude(), oslo.longitude()), (59.913_868, -10.752_245));
    }

    #[test]
    fn nowhere_on_earth_is_none() {
        for (latitude, longitude) in [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY), (1e300, 0.0)] {
            assert_eq!(Coordinates::of_degrees(latitude, longitude), None, "{latitude} {longitude}");
        }
        assert!(Coordinates::of_degrees(-90.0, 180.0).is_some());
    }
}
