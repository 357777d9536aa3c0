//! What `lightcone fault` and a dev world say to each other.

use serde::{Deserialize, Serialize};

/// Something to break or mend; regions by name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Cut two regions from each other, or one from everyone.
    Cut {
        /// One region.
        a: String,
        /// The other.
        b: Option<String>,
    },
    /// Undo cuts, slowness and loss.
    Heal {
        /// One region; none: everywhere.
        a: Option<String>,
        /// The other; none: every other.
        b: Option<String>,
    },
    /// Set the round trip between two regions.
    Slow {
        /// One region.
        a: String,
        /// The other.
        b: String,
        /// Round trip, ms.
        rtt_ms: f64,
    },
    /// Lose datagrams between two regions, each way.
    Loss {
        /// One region.
        a: String,
        /// The other.
        b: String,
        /// 0 to 100.
        percent: f64,
    },
    /// SIGKILL a region's process.
    Kill {
        /// The region.
        region: String,
    },
    /// Start a region's process; answered once it is healthy.
    Start {
        /// The region.
        region: String,
    },
}

/// What an order did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Done {
    /// In one sentence.
    pub done: String,
}

/// A dev world as it is now.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WorldView {
    /// Its regions, in their order.
    pub regions: Vec<RegionView>,
    /// Every pair of them.
    pub links: Vec<LinkView>,
}

/// A region's process.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RegionView {
    /// The region.
    pub region: String,
    /// The place that its distances are measured at.
    pub place: String,
    /// Its node's id.
    pub node_id: u16,
    /// `running`, `killed` or `ended`.
    pub process: String,
    /// Process id while it runs.
    pub pid: Option<u32>,
    /// Port of its RESP door.
    pub resp_port: u16,
    /// Port of its HTTP door.
    pub http_port: u16,
    /// Where its data, certificates and log lie.
    pub directory: String,
}

/// A link between two regions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LinkView {
    /// One end.
    pub a: String,
    /// The other.
    pub b: String,
    /// Round trip now, ms.
    pub rtt_ms: f64,
    /// Round trip when nothing is wrong, ms.
    pub usual_rtt_ms: f64,
    /// What light in fibre needs there and back, ms.
    pub floor_ms: f64,
    /// Chance of a datagram to be lost, percent.
    pub loss_percent: f64,
    /// Nothing gets through.
    pub cut: bool,
}
