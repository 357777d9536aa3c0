//! Presets: dials that go together, by the pattern they make. They are data: once chosen, a table is only its dials.

use serde::Serialize;

use crate::suggestion::suggestion;
use crate::text::clipped;
use crate::{Error, Placement, Policy, Topology, Why};

/// A pattern and its dials. In a dial, `{majority}` stands for more than half of the regions and `{jurisdiction}` for the
/// regions under the same law as the first one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preset {
    /// The pattern's name.
    pub name: &'static str,
    /// What it is for, a sentence without its full stop.
    pub summary: &'static str,
    /// Who is known for it.
    pub known_for: &'static str,
    writers: &'static str,
    ack: &'static str,
    merge: &'static str,
    placement: &'static str,
    read: &'static str,
}

/// A preset as one cluster can offer it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Offer {
    /// The pattern's name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Who is known for it.
    pub known_for: &'static str,
    /// Whether its promise can be kept.
    pub available: bool,
    /// Why not, and the nearest that can be had.
    pub refusal: Option<String>,
    /// Whether that may change: `not_yet` or `contradiction`.
    pub why: Option<Why>,
    /// One setting of each dial.
    pub dials: Policy,
}

impl Preset {
    /// Every preset, from the most available to the most consistent.
    pub const ALL: &[Preset] = &[
        Preset {
            name: "full-geode",
            summary: "Every region reads and writes alone; of concurrent writes the newest stays",
            known_for: "DynamoDB global tables, Netflix",
            writers: "any",
            ack: "local",
            merge: "lww",
            placement: "everywhere",
            read: "session",
        },
        Preset {
            name: "crdt",
            summary: "Every region reads and writes alone; counters, sets and maps keep what each of them did",
            known_for: "Redis Enterprise Active-Active, Riak data types",
            writers: "any",
            ack: "local",
            merge: "typed",
            placement: "everywhere",
            read: "causal",
        },
        Preset {
            name: "siblings",
            summary: "Every region reads and writes alone; the application sees concurrent values and settles them",
            known_for: "CouchDB, Riak siblings",
            writers: "any",
            ack: "local",
            merge: "siblings",
            placement: "everywhere",
            read: "session",
        },
        Preset {
            name: "leaderless",
            summary: "W of N regions hold a write, R of N answer a read, and W + R > N",
            known_for: "Dynamo, Cassandra, Voldemort",
            writers: "any",
            ack: "regions({majority})",
            merge: "lww",
            placement: "everywhere",
            read: "quorum({majority})",
        },
        Preset {
            name: "active-passive",
            summary: "One home region decides for the table; the others follow and take over",
            known_for: "Aurora Global Database",
            writers: "home",
            ack: "local",
            merge: "typed",
            placement: "everywhere",
            read: "session",
        },
        Preset {
            name: "home-region",
            summary: "Each record has a home that decides; every region reads what is at most this old",
            known_for: "CockroachDB, YugabyteDB, Spotify",
            writers: "home",
            ack: "majority",
            merge: "typed",
            placement: "everywhere",
            read: "bounded(5s)",
        },
        Preset {
            name: "partitioned",
            summary: "Each record has a home, and its bytes never leave the home's jurisdiction",
            known_for: "Uber, Azure geo-fencing",
            writers: "home",
            ack: "local",
            merge: "typed",
            placement: "{jurisdiction}",
            read: "session",
        },
        Preset {
            name: "external",
            summary: "A majority of regions decides each write, and every read sees the latest",
            known_for: "Spanner, CockroachDB",
            writers: "consensus",
            ack: "majority",
            merge: "typed",
            placement: "everywhere",
            read: "strong",
        },
        Preset {
            name: "synchronous",
            summary: "The home decides, and every region holds a write before the client hears OK",
            known_for: "synchronous standbys in every region",
            writers: "home",
            ack: "all",
            merge: "typed",
            placement: "everywhere",
            read: "strong",
        },
    ];

    /// The preset of this name.
    pub fn named(name: &str) -> Result<&'static Preset, Error> {
        Preset::ALL.iter().find(|preset| preset.name == name).ok_or_else(|| Error::UnknownPreset {
            name: clipped(name),
            suggestion: suggestion(name, Preset::ALL.iter().map(|preset| preset.name)),
        })
    }

    /// All names, for a message.
    pub fn names() -> String {
        Preset::ALL.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ")
    }

    /// Its dials in this cluster.
    pub fn policy(&self, topology: &Topology) -> Policy {
        let majority = (topology.regions.len() / 2 + 1).min(usize::from(u8::MAX)).to_string();
        let dials = [("writers", self.writers), ("ack", self.ack), ("merge", self.merge), ("read", self.read)];
        let said = dials.map(|(dial, setting)| (dial, setting.replace("{majority}", &majority)));
        let placement = match self.placement {
            "{jurisdiction}" => under_one_law(topology),
            _ => Placement::Everywhere,
        };
        let policy = Policy::from_words(said.iter().map(|(dial, setting)| (*dial, setting.as_str())));
        Policy { placement, ..policy.expect("a test reads the dials of every preset") }
    }

    /// The preset as this cluster can offer it.
    pub fn offer(&self, topology: &Topology) -> Offer {
        let dials = self.policy(topology);
        let refusal = dials.check(topology).err();
        let why = refusal.as_ref().map(|refusal| refusal.why);
        let (name, about, known_for) = (self.name, self.summary, self.known_for);
        let refusal = refusal.map(|refusal| refusal.to_string());
        Offer { name, about, known_for, available: refusal.is_none(), refusal, why, dials }
    }

    /// Whether this cluster can keep its promise.
    pub fn is_available(&self, topology: &Topology) -> bool {
        self.policy(topology).check(topology).is_ok()
    }
}

/// The regions that share a jurisdiction with the first one; it alone if nobody said whose law it stands under.
fn under_one_law(topology: &Topology) -> Placement {
    let Some(first) = topology.regions.first() else { return Placement::Everywhere };
    let alike = |jurisdictions: &[String]| jurisdictions.iter().any(|law| first.jurisdictions.contains(law));
    let regions = topology.regions.iter().filter(|region| region.name == first.name || alike(&region.jurisdictions));
    let mut names: Vec<String> = regions.map(|region| region.name.clone()).collect();
    names.sort_unstable();
    Placement::Regions(names)
}

#[cfg(test)]
mod tests {
    use super::Preset;
    use crate::{Policy, Region, Topology, Why};

    fn clusters() -> impl Iterator<Item = Topology> {
        (0..=70).map(|count| {
            let regions = (0..count).map(|at| Region {
                name: format!("region-{at}"),
                jurisdictions: vec![if at % 2 == 0 { "eu".to_owned() } else { "us".to_owned() }],
                ..Region::default()
            });
            Topology { regions: regions.collect(), ..Topology::default() }
        })
    }

    #[test]
    fn every_preset_is_read_as_it_is_printed_in_clusters_of_every_size() {
        for topology in clusters() {
            for preset in Preset::ALL {
                let policy = preset.policy(&topology);
                assert_eq!(Policy::from_toml(&policy.to_toml()), Ok(policy), "{}", preset.name);
            }
        }
    }

    #[test]
    fn what_needs_a_home_or_consensus_is_not_offered_yet() {
        for topology in clusters() {
            let offered = Preset::ALL.iter().filter(|preset| preset.is_available(&topology));
            let offered: Vec<&str> = offered.map(|preset| preset.name).collect();
            assert_eq!(offered, ["full-geode", "crdt", "siblings", "leaderless"], "{} regions", topology.regions.len());
        }
    }

    #[test]
    fn leaderless_asks_for_more_than_half_of_the_regions() {
        let dials = |count: usize| {
            let policy = Preset::named("leaderless").expect("known").policy(&clusters().nth(count).expect("made"));
            format!("{} {}", policy.ack, policy.read)
        };
        assert_eq!(
            [1, 2, 3, 5].map(dials),
            ["regions(1) quorum(1)", "regions(2) quorum(2)", "regions(2) quorum(2)", "regions(3) quorum(3)"]
        );
    }

    #[test]
    fn partitioned_stays_under_the_first_regions_law() {
        let topology = clusters().nth(4).expect("made");
        let policy = Preset::named("partitioned").expect("known").policy(&topology);
        assert_eq!(policy.placement.to_string(), "[region-0, region-2]");
    }

    #[test]
    fn an_offer_says_why_not() {
        let topology = clusters().nth(3).expect("made");
        let offer = Preset::named("external").expect("known").offer(&topology);
        assert_eq!((offer.available, offer.why), (false, Some(Why::NotYet)));
        assert_eq!(
            offer.refusal.expect("not yet"),
            "writers=consensus: not yet: tables have no consensus groups yet, so every region decides; \
             the nearest that can be kept is writers=any, read=quorum(2)"
        );
        let error = Preset::named("leaderles").expect_err("a slip").to_string();
        assert!(
            error.starts_with("unknown preset 'leaderles'; did you mean 'leaderless'? presets: full-geode, crdt, ")
        );
    }
}
