//! The crate graph, as `ARCHITECTURE.md` draws it. An edge that is not here is a change of the drawing: make it here
//! and there, with the reason.
//!
//! Rules: imports go down only; chains are at most six steps; a vendor is named by the crate that owns it; pure rooms
//! name no vendor that could reach the world.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::failure::{Failure, While};
use crate::process;

/// How near to the world a crate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ring {
    Decide,
    Engine,
    World,
}

/// A crate, its ring, and which of our crates it may import.
struct Room {
    name: &'static str,
    ring: Ring,
    below: &'static [&'static str],
}

/// The drawing, from the ground up: a room may only import rooms that stand before it.
const ROOMS: &[Room] = &[
    Room { name: "lc-core", ring: Ring::Decide, below: &[] },
    Room { name: "lc-crdt", ring: Ring::Decide, below: &["lc-core"] },
    Room { name: "lc-repl", ring: Ring::Decide, below: &["lc-core"] },
    Room { name: "lc-policy", ring: Ring::Decide, below: &["lc-core", "lc-crdt"] },
    Room { name: "lc-catalogue", ring: Ring::Decide, below: &["lc-core", "lc-policy"] },
    Room { name: "lc-db", ring: Ring::Decide, below: &["lc-core", "lc-crdt", "lc-policy"] },
    Room { name: "lc-env", ring: Ring::Engine, below: &["lc-core"] },
    Room { name: "lc-journal", ring: Ring::Engine, below: &["lc-core", "lc-env"] },
    Room { name: "lc-store", ring: Ring::Engine, below: &["lc-core", "lc-env"] },
    Room {
        name: "lc-member",
        ring: Ring::Engine,
        below: &["lc-core", "lc-crdt", "lc-policy", "lc-repl", "lc-db", "lc-env", "lc-journal", "lc-store"],
    },
    // Of the world, because openraft runs its timers and tasks on tokio; what was agreed on, lc-catalogue applies.
    Room { name: "lc-raft", ring: Ring::World, below: &["lc-core", "lc-env", "lc-journal"] },
    Room { name: "lc-net", ring: Ring::World, below: &["lc-core", "lc-env"] },
    Room {
        name: "lc-node",
        ring: Ring::World,
        below: &[
            "lc-core",
            "lc-crdt",
            "lc-policy",
            "lc-catalogue",
            "lc-repl",
            "lc-db",
            "lc-env",
            "lc-journal",
            "lc-store",
            "lc-member",
            "lc-raft",
            "lc-net",
        ],
    },
    Room { name: "lc-resp", ring: Ring::World, below: &["lc-core", "lc-db", "lc-env"] },
    Room {
        name: "lc-http",
        ring: Ring::World,
        below: &["lc-core", "lc-policy", "lc-catalogue", "lc-db", "lc-env", "lc-node"],
    },
    Room {
        name: "lc-sim",
        ring: Ring::World,
        below: &[
            "lc-core",
            "lc-crdt",
            "lc-policy",
            "lc-catalogue",
            "lc-repl",
            "lc-db",
            "lc-env",
            "lc-journal",
            "lc-store",
            "lc-member",
            "lc-raft",
            "lc-node",
        ],
    },
    Room {
        name: "lightcone",
        ring: Ring::World,
        below: &[
            "lc-core",
            "lc-policy",
            "lc-catalogue",
            "lc-db",
            "lc-env",
            "lc-store",
            "lc-raft",
            "lc-net",
            "lc-node",
            "lc-resp",
            "lc-http",
        ],
    },
    Room { name: "lc-bench", ring: Ring::World, below: &[] },
    Room { name: "xtask", ring: Ring::World, below: &[] },
];

/// One vendor, one crate.
const OWNERS: &[(&str, &str)] = &[
    ("quinn", "lc-net"),
    ("rustls", "lc-net"),
    ("rustls-webpki", "lc-net"),
    ("rcgen", "lc-net"),
    ("fjall", "lc-store"),
    ("axum", "lc-http"),
    ("openraft", "lc-raft"),
];

/// What a pure room may name: memory, hashing, a keyed hash, text forms, errors. Nothing that opens, waits, or draws lots.
const PURE_VENDORS: &[&str] = &[
    "bytes",
    "foldhash",
    "hashbrown",
    "hmac",
    "serde",
    "serde_json",
    "sha2",
    "smallvec",
    "thiserror",
    "toml",
    "xxhash-rust",
];

/// What would let an engine reach the world past `lc-env`.
const WORLDLY_VENDORS: &[&str] = &["tokio", "socket2", "rand", "getrandom", "tempfile", "mio"];

/// Steps from the binary to the ground.
const DEPTH_MAX: usize = 6;

/// What each crate of the workspace imports, tests apart.
type Imports = BTreeMap<String, Vec<String>>;

/// Reads the graph that cargo sees and compares. Returns how many edges were looked at.
pub fn check() -> Result<usize, Vec<String>> {
    let imports = imports().map_err(|failure| vec![failure.to_string()])?;
    let findings = findings(&imports);
    if findings.is_empty() { Ok(imports.values().map(Vec::len).sum()) } else { Err(findings) }
}

fn imports() -> Result<Imports, Failure> {
    let text = process::output(process::cargo().args(["metadata", "--no-deps", "--offline", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text).during("read cargo metadata")?;
    let packages = metadata["packages"].as_array().ok_or_else(|| Failure::new("cargo metadata lists no packages"))?;
    Ok(packages.iter().map(|package| (word(&package["name"]), imports_of(package))).collect())
}

fn imports_of(package: &Value) -> Vec<String> {
    let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
    dependencies.iter().filter(|each| each["kind"] != "dev").map(|each| word(&each["name"])).collect()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn findings(imports: &Imports) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, imported) in imports {
        match ROOMS.iter().find(|room| room.name == name) {
            None => findings.push(format!("{name} is not in the drawing (ROOMS in xtask/src/graph.rs)")),
            Some(room) => imported.iter().for_each(|other| findings.extend(edge(room, other, imports))),
        }
    }
    for name in imports.keys() {
        let steps = depth(name, imports);
        if steps > DEPTH_MAX {
            findings.push(format!("{name} stands {steps} steps above the ground, {DEPTH_MAX} are allowed"));
        }
    }
    findings
}

/// What is wrong with one import, if anything.
fn edge(room: &Room, other: &str, imports: &Imports) -> Option<String> {
    let name = room.name;
    if imports.contains_key(other) {
        return (!room.below.contains(&other))
            .then(|| format!("{name} imports {other}, which the drawing does not show"));
    }
    if let Some((_, owner)) = OWNERS.iter().find(|(vendor, owner)| *vendor == other && *owner != name) {
        return Some(format!("{name} names {other}, which only {owner} may"));
    }
    match room.ring {
        Ring::Decide if !PURE_VENDORS.contains(&other) => {
            Some(format!("{name} is pure and names {other}; pure rooms may name {}", PURE_VENDORS.join(", ")))
        }
        Ring::Engine if name != "lc-env" && WORLDLY_VENDORS.contains(&other) => {
            Some(format!("{name} names {other}; an engine reaches the world through lc-env"))
        }
        _ => None,
    }
}

fn depth(name: &str, imports: &Imports) -> usize {
    let below = imports.get(name).into_iter().flatten().filter(|other| imports.contains_key(*other));
    below.map(|other| 1 + depth(other, imports)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Imports, ROOMS, Ring, findings};

    fn graph(edges: &[(&str, &[&str])]) -> Imports {
        edges.iter().map(|(name, below)| ((*name).to_owned(), below.iter().map(|&b| b.to_owned()).collect())).collect()
    }

    #[test]
    fn the_drawing_itself_only_points_down_and_never_from_a_pure_room_to_an_engine() {
        for (height, room) in ROOMS.iter().enumerate() {
            for below in room.below {
                let (place, other) = ROOMS.iter().enumerate().find(|(_, r)| r.name == *below).expect("drawn");
                assert!(place < height, "{} points up to {below}", room.name);
                assert!(room.ring != Ring::Decide || other.ring == Ring::Decide, "{} leaves its ring", room.name);
                assert!(room.ring != Ring::Engine || other.ring != Ring::World, "{} leaves its ring", room.name);
            }
        }
    }

    #[test]
    fn an_import_that_is_not_drawn_is_found() {
        let found = findings(&graph(&[("lc-core", &["lc-crdt"]), ("lc-crdt", &[])]));
        assert_eq!(found, ["lc-core imports lc-crdt, which the drawing does not show"]);
    }

    #[test]
    fn a_vendor_outside_its_room_is_found() {
        assert_eq!(findings(&graph(&[("lc-http", &["quinn"])])), ["lc-http names quinn, which only lc-net may"]);
    }

    #[test]
    fn a_pure_room_may_not_wait() {
        assert_eq!(findings(&graph(&[("lc-repl", &["tokio"])])).len(), 1);
    }

    #[test]
    fn an_engine_may_not_go_past_the_seams() {
        assert_eq!(findings(&graph(&[("lc-journal", &["tokio"])])).len(), 1);
        assert_eq!(findings(&graph(&[("lc-env", &["tokio"])])).len(), 0);
    }
}
