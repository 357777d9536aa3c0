//! What was really delivered for one command, to be told with its reply.

use lc_policy::Ack;

use crate::Reply;

/// How a command was answered.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Receipt {
    /// For a write: who was to hold it.
    pub ack: Option<Ack>,
    /// For a write: regions known to have it durably, the deciding one among them.
    pub held_by: usize,
    /// For a read: where its answer comes from.
    pub read: Source,
    /// At most this old, ms; `None`: unknown.
    pub staleness_ms: Option<u64>,
    /// Regions that took part, this one first.
    pub regions: Vec<String>,
    /// Bytes that crossed between regions, or will, because of this command, before compression.
    pub wan_bytes: u64,
    /// How long it waited for other regions, ms.
    pub waited_ms: u64,
    /// Why it was not answered in the ordinary way.
    pub fallback: Option<String>,
}

/// Where an answer comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Source {
    /// This region.
    #[default]
    Local,
    /// Another region ran the command.
    Forwarded,
    /// This many regions' records, merged.
    Quorum(usize),
}

impl Source {
    /// As it is written: `local`, `forwarded`, `quorum(2)`.
    pub fn text(self) -> String {
        match self {
            Source::Local => "local".to_owned(),
            Source::Forwarded => "forwarded".to_owned(),
            Source::Quorum(regions) => format!("quorum({regions})"),
        }
    }
}

impl Receipt {
    /// As a reply: a map of names to what they are; nil where unknown.
    pub fn reply(&self) -> Reply {
        let name = |name: &'static str| Reply::bulk(name);
        let count = |count: u64| Reply::Int(count.min(i64::MAX as u64) as i64);
        let ack = self.ack.map_or(Reply::Nil, |ack| Reply::bulk(ack.to_string()));
        Reply::Map(vec![
            (name("ack"), ack),
            (name("held-by"), count(self.held_by as u64)),
            (name("read"), Reply::bulk(self.read.text())),
            (name("staleness-ms"), self.staleness_ms.map_or(Reply::Nil, count)),
            (name("regions"), Reply::Array(self.regions.iter().map(Reply::bulk).collect())),
            (name("wan-bytes"), count(self.wan_bytes)),
            (name("waited-ms"), count(self.waited_ms)),
            (name("fallback"), self.fallback.as_ref().map_or(Reply::Nil, Reply::bulk)),
        ])
    }
}
