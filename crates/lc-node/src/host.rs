//! What a node tells clients about itself: `INFO`, `CONFIG`, `CLIENT`.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use lc_db::{Error, Host};

use crate::Node;

impl Host for Node {
    fn now_ms(&self) -> u64 {
        self.wall_ms()
    }

    fn info(&self, section: Option<&str>) -> String {
        let wanted = section.map(str::to_ascii_lowercase);
        let all = wanted.as_deref().is_none_or(|name| matches!(name, "all" | "everything" | "default"));
        let mut text = String::new();
        for (name, lines) in self.sections() {
            if !all && wanted.as_deref() != Some(&name.to_ascii_lowercase()) {
                continue;
            }
            let gap = if text.is_empty() { "" } else { "\r\n" };
            // Writing to a String cannot fail.
            let _ = write!(text, "{gap}# {name}\r\n");
            for (field, value) in lines {
                let _ = write!(text, "{field}:{value}\r\n");
            }
        }
        text
    }

    fn config(&self) -> Vec<(String, String)> {
        let config = &self.config;
        let own = [
            ("appendonly", "yes".to_owned()),
            ("appendfsync", "always".to_owned()),
            ("databases", "1".to_owned()),
            ("maxclients", config.clients_max.to_string()),
            ("maxmemory", "0".to_owned()),
            ("maxmemory-policy", "noeviction".to_owned()),
            ("maxmemory-clients", config.client_buffers_bytes_max.to_string()),
            ("proto-max-bulk-len", config.bounds.value_bytes_max.to_string()),
            ("save", String::new()),
            ("lightcone-cache-bytes", config.cache_bytes.to_string()),
            ("lightcone-cluster", config.cluster.clone()),
            ("lightcone-dirty-bytes-max", config.dirty_bytes_max.to_string()),
            ("lightcone-journal-pending-bytes-max", config.queues.journal_pending_bytes_max.to_string()),
            ("lightcone-journal-wait-ms", config.queues.journal_wait.as_millis().to_string()),
            ("lightcone-key-bytes-max", config.bounds.key_bytes_max.to_string()),
            ("lightcone-field-bytes-max", config.bounds.field_bytes_max.to_string()),
            ("lightcone-value-bytes-max", config.bounds.value_bytes_max.to_string()),
            ("lightcone-reply-elements-max", config.bounds.reply_elements_max.to_string()),
            ("lightcone-reply-bytes-max", config.bounds.reply_bytes_max.to_string()),
            ("lightcone-max-offset-ms", config.max_offset_ms.to_string()),
            ("lightcone-node-id", config.node_id.to_string()),
            ("lightcone-region", config.region.clone()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        own.into_iter().chain(config.shown.iter().cloned()).collect()
    }

    fn bounds(&self) -> lc_db::Bounds {
        self.config.bounds
    }

    fn set_config(&self, name: &str, _value: &str) -> Result<(), Error> {
        match Host::config(self).iter().any(|(known, _)| known == name) {
            true => Err(Error::caller(format!(
                "CONFIG SET failed (possibly related to argument '{name}') - it can only be changed in the node's configuration file"
            ))),
            false => Err(Error::caller(format!("Unknown option or number of arguments for CONFIG SET - '{name}'"))),
        }
    }

    fn reset_statistics(&self) {
        self.clients.accepted.store(0, Ordering::Relaxed);
        self.clients.commands.store(0, Ordering::Relaxed);
    }

    fn password_required(&self) -> bool {
        self.config.password.is_some()
    }

    fn authenticate(&self, user: &[u8], password: &[u8]) -> bool {
        let right =
            self.config.password.as_ref().is_some_and(|right| equal_in_constant_time(right.as_bytes(), password));
        right && user == b"default"
    }

    fn clients(&self) -> Vec<(u64, String)> {
        self.clients.lines(self.wall_ms())
    }

    fn kill_client(&self, id: u64) -> bool {
        self.clients.kill(id)
    }

    fn key_count(&self) -> u64 {
        self.member.read().key_count()
    }
}

type Section = (&'static str, Vec<(&'static str, String)>);

impl Node {
    fn sections(&self) -> Vec<Section> {
        let status = self.status();
        let up = status.peers.iter().filter(|peer| peer.up).count();
        vec![
            (
                "Server",
                vec![
                    // Clients choose their dialect by this; the commands follow Redis 7.
                    ("redis_version", "7.0.15".to_owned()),
                    ("lightcone_version", env!("CARGO_PKG_VERSION").to_owned()),
                    ("redis_mode", "standalone".to_owned()),
                    ("arch_bits", usize::BITS.to_string()),
                    ("process_id", std::process::id().to_string()),
                    ("uptime_in_seconds", status.uptime_s.to_string()),
                    ("region", status.region.clone()),
                    ("node", status.node_id.to_string()),
                    ("replica", status.replica.clone()),
                ],
            ),
            (
                "Clients",
                vec![
                    ("connected_clients", self.clients.count().to_string()),
                    ("maxclients", self.config.clients_max.to_string()),
                ],
            ),
            ("Memory", memory(&status)),
            (
                "Persistence",
                vec![
                    ("loading", "0".to_owned()),
                    ("aof_enabled", "1".to_owned()),
                    ("journal_bytes", status.journal_bytes.to_string()),
                    ("dirty_bytes", status.dirty_bytes.to_string()),
                ],
            ),
            (
                "Stats",
                vec![
                    ("total_connections_received", self.clients.accepted.load(Ordering::Relaxed).to_string()),
                    ("total_commands_processed", self.clients.commands.load(Ordering::Relaxed).to_string()),
                    ("expired_keys", status.counters.keys_expired.to_string()),
                    ("entries_decided", status.counters.entries_decided.to_string()),
                    ("entries_applied", status.counters.entries_applied.to_string()),
                ],
            ),
            (
                "Replication",
                vec![
                    // Every region takes writes, so to a Redis client each is a master.
                    ("role", "master".to_owned()),
                    ("connected_slaves", "0".to_owned()),
                    ("peers", status.peers.len().to_string()),
                    ("peers_up", up.to_string()),
                    ("vector", status.applied_text.clone()),
                    ("digest", status.digest.clone()),
                ],
            ),
            ("Cluster", vec![("cluster_enabled", "0".to_owned())]),
            ("Keyspace", keyspace(status.keys)),
        ]
    }
}

/// With the names that Redis' tools look for first.
fn memory(status: &crate::Status) -> Vec<(&'static str, String)> {
    let memory = &status.memory;
    let resident = memory.resident_bytes.unwrap_or(0);
    vec![
        ("used_memory", resident.to_string()),
        ("used_memory_rss", resident.to_string()),
        // Records lie on the disk; what is kept of them here is bounded by the two settings of rows.
        ("maxmemory", "0".to_owned()),
        ("maxmemory_policy", "noeviction".to_owned()),
        ("mem_clients_normal", memory.client_buffers_bytes.to_string()),
        ("maxmemory_clients", memory.client_buffers_bytes_max.to_string()),
        ("clean_rows_bytes", memory.clean_rows_bytes.to_string()),
        ("clean_rows_bytes_max", memory.clean_rows_bytes_max.to_string()),
        ("dirty_rows_bytes", memory.dirty_rows_bytes.to_string()),
        ("dirty_rows_bytes_max", memory.dirty_rows_bytes_max.to_string()),
        ("journal_pending_bytes", memory.journal_pending_bytes.to_string()),
        ("journal_pending_bytes_max", memory.journal_pending_bytes_max.to_string()),
        ("writes_waiting", memory.writes_waiting.to_string()),
        ("inbox_bytes", memory.inbox_bytes.to_string()),
        ("inbox_bytes_max", memory.inbox_bytes_max.to_string()),
        ("links_queued_bytes", memory.links_queued_bytes.to_string()),
        ("link_queue_bytes_max", memory.link_queue_bytes_max.to_string()),
        ("links_unread_bytes", memory.links_unread_bytes.to_string()),
        ("link_unread_bytes_max", memory.link_unread_bytes_max.to_string()),
    ]
}

fn keyspace(keys: u64) -> Vec<(&'static str, String)> {
    if keys == 0 { Vec::new() } else { vec![("db0", format!("keys={keys},expires=0,avg_ttl=0"))] }
}

/// Looks at every byte whatever it finds, so that time tells nothing about the password.
fn equal_in_constant_time(right: &[u8], given: &[u8]) -> bool {
    let mut difference = right.len() ^ given.len();
    for (at, byte) in given.iter().enumerate() {
        difference |= usize::from(byte ^ right.get(at).copied().unwrap_or(0));
    }
    difference == 0
}
