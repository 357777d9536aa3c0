//! Where the regions stand, and how far apart they are: by light, and as measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The regions of a cluster.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Topology {
    /// In the order in which they are shown; names differ.
    pub regions: Vec<Region>,
    /// Round trips as measured, ms, by (from, to); one way round is enough.
    #[serde(default, with = "round_trips")]
    pub rtt_ms: BTreeMap<(String, String), f64>,
}

/// One region.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Degrees north, -90 to 90; `None`: unknown.
    #[serde(default)]
    pub latitude: Option<f64>,
    /// Degrees east, -180 to 180; `None`: unknown.
    #[serde(default)]
    pub longitude: Option<f64>,
    /// Whose law it stands under.
    #[serde(default)]
    pub jurisdictions: Vec<String>,
}

/// A measured round trip that light could not have made.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Impossible {
    pub from: String,
    pub to: String,
    pub measured_ms: f64,
    pub floor_ms: f64,
}

impl Region {
    /// A region of this name at this place.
    pub fn at(name: &str, latitude: f64, longitude: f64) -> Region {
        Region {
            name: name.to_owned(),
            latitude: Some(latitude),
            longitude: Some(longitude),
            jurisdictions: Vec::new(),
        }
    }

    /// The shortest way over the globe, km; `None` if one of the two places is unknown or is no place on Earth.
    pub fn distance_km(&self, other: &Region) -> Option<f64> {
        let (here, there) = (self.place()?, other.place()?);
        let (north, other_north) = (here.0.to_radians(), there.0.to_radians());
        let across = (there.1 - here.1).to_radians();
        // The haversine form keeps its precision for places that are near each other.
        let half_chord = ((other_north - north) / 2.0).sin().powi(2)
            + north.cos() * other_north.cos() * (across / 2.0).sin().powi(2);
        Some(2.0 * EARTH_RADIUS_KM * half_chord.sqrt().min(1.0).asin())
    }

    /// What light in fibre needs there and back on that way, ms.
    pub fn floor_rtt_ms(&self, other: &Region) -> Option<f64> {
        self.distance_km(other).map(|km| 2.0 * km / FIBRE_KM_PER_MS)
    }

    fn place(&self) -> Option<(f64, f64)> {
        let (north, east) = self.latitude.zip(self.longitude)?;
        // NaN is in no range.
        ((-90.0..=90.0).contains(&north) && (-180.0..=180.0).contains(&east)).then_some((north, east))
    }
}

impl Topology {
    /// The region of this name.
    pub fn region(&self, name: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.name == name)
    }

    /// All names between commas, for a message.
    pub fn names(&self) -> String {
        self.regions.iter().map(|region| region.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The round trip between two regions as measured, ms, from either end; `None`: unknown.
    pub fn measured_rtt_ms(&self, from: &str, to: &str) -> Option<f64> {
        let way = |from: &str, to: &str| self.rtt_ms.get(&(from.to_owned(), to.to_owned())).copied();
        way(from, to).or_else(|| way(to, from)).filter(|rtt_ms| rtt_ms.is_finite() && *rtt_ms >= 0.0)
    }

    /// Round trips faster than light: one of the two regions does not stand where it says.
    pub(crate) fn impossible(&self) -> Vec<Impossible> {
        let pair = |((from, to), &measured_ms): (&(String, String), &f64)| {
            let floor_ms = self.region(from)?.floor_rtt_ms(self.region(to)?)?;
            let (from, to) = (from.clone(), to.clone());
            (measured_ms < floor_ms).then_some(Impossible { from, to, measured_ms, floor_ms })
        };
        self.rtt_ms.iter().filter_map(pair).collect()
    }
}

/// A map with pairs for keys is no JSON object, so round trips travel as a list.
mod round_trips {
    use std::collections::BTreeMap;

    use super::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct RoundTrip {
        from: String,
        to: String,
        ms: f64,
    }

    pub(super) fn serialize<S: Serializer>(
        round_trips: &BTreeMap<(String, String), f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let each = |((from, to), &ms): (&(String, String), &f64)| RoundTrip { from: from.clone(), to: to.clone(), ms };
        serializer.collect_seq(round_trips.iter().map(each))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<(String, String), f64>, D::Error> {
        let list = Vec::<RoundTrip>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|each| ((each.from, each.to), each.ms)).collect())
    }
}

/// Light in glass goes at two thirds of its speed in empty space.
const FIBRE_KM_PER_MS: f64 = 200.0;
/// Mean radius; the real one differs by a third of a percent.
const EARTH_RADIUS_KM: f64 = 6371.0;

#[cfg(test)]
mod tests {
    use super::{Region, Topology};

    fn topology() -> Topology {
        let regions = vec![Region::at("us-east", 38.95, -77.45), Region::at("eu-west", 53.35, -6.26)];
        Topology { regions, rtt_ms: [(("us-east".to_owned(), "eu-west".to_owned()), 80.5)].into() }
    }

    #[test]
    fn light_takes_the_shortest_way_over_the_globe() {
        let (paris, tokyo) = (Region::at("paris", 48.857, 2.352), Region::at("tokyo", 35.68, 139.69));
        let km = paris.distance_km(&tokyo).expect("known");
        assert!((km - 9712.0).abs() < 15.0, "{km}");
        assert_eq!(paris.floor_rtt_ms(&tokyo), Some(km / 100.0));
        assert_eq!(paris.distance_km(&paris), Some(0.0));
        let (pole, other_pole) = (Region::at("north", 90.0, 0.0), Region::at("south", -90.0, 0.0));
        assert!((pole.distance_km(&other_pole).expect("known") - 20_015.0).abs() < 1.0);
    }

    #[test]
    fn an_unknown_place_is_unknown_and_so_is_one_off_the_globe() {
        let paris = Region::at("paris", 48.857, 2.352);
        for nowhere in
            [Region { latitude: None, ..paris.clone() }, Region::at("x", 91.0, 0.0), Region::at("x", f64::NAN, 0.0)]
        {
            assert_eq!(paris.distance_km(&nowhere), None);
        }
    }

    #[test]
    fn a_round_trip_is_known_from_either_end() {
        let topology = topology();
        assert_eq!(topology.measured_rtt_ms("us-east", "eu-west"), Some(80.5));
        assert_eq!(topology.measured_rtt_ms("eu-west", "us-east"), Some(80.5));
        assert_eq!(topology.measured_rtt_ms("eu-west", "oslo"), None);
    }

    #[test]
    fn a_round_trip_faster_than_light_is_found() {
        let mut topology = topology();
        assert_eq!(topology.impossible(), []);
        topology.rtt_ms.insert(("eu-west".to_owned(), "us-east".to_owned()), 20.0);
        let found = topology.impossible();
        assert!(found.len() == 1 && found[0].floor_ms > 50.0 && found[0].measured_ms == 20.0, "{found:?}");
    }

    #[test]
    fn it_survives_json() {
        let json = serde_json::to_string(&topology()).expect("JSON");
        assert!(json.ends_with(r#""rtt_ms":[{"from":"us-east","to":"eu-west","ms":80.5}]}"#), "{json}");
        assert_eq!(serde_json::from_str::<Topology>(&json).expect("its own JSON"), topology());
        let least: Topology = serde_json::from_str(r#"{"regions":[{"name":"oslo"}]}"#).expect("the least");
        assert_eq!(least.regions[0], Region { name: "oslo".to_owned(), ..Region::default() });
    }
}
