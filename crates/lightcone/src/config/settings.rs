//! Every setting: its name, bounds, default and meaning. The example file and docs/configuration.md are made from it.

/// One setting.
pub struct Setting {
    /// Its section; empty at the top of the file, `[[name]]` written as `name`.
    pub section: &'static str,
    /// Its name, unit last.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What it is when it is not given.
    pub absent: Absent,
    /// A value for the example file, as TOML.
    pub example: &'static str,
    /// What it does.
    pub text: &'static str,
}

/// What values a setting takes.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A whole number, both bounds included.
    Whole(u64, u64),
    /// A number, both bounds included.
    Number(f64, f64),
    /// True or false.
    Flag,
    /// A name of a region or cluster, as it can stand in a certificate.
    Label,
    /// `IP:PORT`.
    Address,
    /// A path; relative ones start at the configuration file.
    Path,
    /// Free text.
    Text,
}

/// What a setting is when it is not given.
#[derive(Clone, Copy)]
pub enum Absent {
    /// It must be given.
    Required,
    /// Nothing; the text says what that means.
    Nothing,
    /// This, as TOML.
    Default(&'static str),
}

/// A section of the file.
pub struct Section {
    /// Its name; empty at the top.
    pub name: &'static str,
    /// Whether there may be several (`[[name]]`).
    pub repeated: bool,
    /// What it is about.
    pub text: &'static str,
}

impl Kind {
    /// What would be right, to stand after "must be".
    pub fn right(self) -> String {
        match self {
            Kind::Whole(min, u64::MAX) => format!("a whole number, at least {min}"),
            Kind::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Number(min, max) => format!("a number from {min} to {max}"),
            Kind::Flag => "true or false".to_owned(),
            Kind::Label => "1 to 40 of a-z, 0-9 and '-', in quotes, not beginning or ending with '-'".to_owned(),
            Kind::Address => "an IP address and a port, in quotes, such as \"127.0.0.1:7001\"".to_owned(),
            Kind::Path => "a path in quotes".to_owned(),
            Kind::Text => "text in quotes".to_owned(),
        }
    }
}

/// The setting of this name.
pub fn find(section: &str, name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.section == section && setting.name == name)
}

/// Sections in the order of the example file.
pub const SECTIONS: &[Section] = &[
    Section { name: "", repeated: false, text: "Who this node is, and where its data lies." },
    Section { name: "resp", repeated: false, text: "The door for Redis clients." },
    Section { name: "http", repeated: false, text: "The door for operators, load balancers and Prometheus." },
    Section { name: "link", repeated: false, text: "The links to other nodes: QUIC with certificates on both ends." },
    Section { name: "peers", repeated: true, text: "One for each other node of the cluster." },
    Section { name: "storage", repeated: false, text: "Memory and disk." },
    Section {
        name: "limits",
        repeated: false,
        text: "How large what clients write and read may be. Records can hold keys of 16 KiB, fields and members of 32 KiB and values of 8 MiB; here these can be bounded lower.",
    },
    Section { name: "clock", repeated: false, text: "Time." },
    Section { name: "log", repeated: false, text: "What the node writes to its standard error." },
    Section {
        name: "emulation",
        repeated: true,
        text: "Development only: how far away a peer seems. `lightcone dev` writes these.",
    },
];

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Every setting, in the order of the example file.
pub const SETTINGS: &[Setting] = &[
    Setting {
        section: "",
        name: "node_id",
        kind: Kind::Whole(1, 63),
        absent: Absent::Required,
        example: "1",
        text: "This node's number; no other node of the cluster may have it, ever.",
    },
    Setting {
        section: "",
        name: "region",
        kind: Kind::Label,
        absent: Absent::Required,
        example: "\"us-east\"",
        text: "The region this node stands in, as in its certificate.",
    },
    Setting {
        section: "",
        name: "latitude",
        kind: Kind::Number(-90.0, 90.0),
        absent: Absent::Nothing,
        example: "37.4",
        text: "Where the region stands, degrees north: for what light needs to others, and which of them is nearest. None: unknown. Every node of a region says the same.",
    },
    Setting {
        section: "",
        name: "longitude",
        kind: Kind::Number(-180.0, 180.0),
        absent: Absent::Nothing,
        example: "-79.0",
        text: "Degrees east. None: unknown.",
    },
    Setting {
        section: "",
        name: "jurisdictions",
        kind: Kind::Text,
        absent: Absent::Nothing,
        example: "\"us, us-va\"",
        text: "Whose law the region stands under, names between commas. None: unknown.",
    },
    Setting {
        section: "",
        name: "cluster",
        kind: Kind::Label,
        absent: Absent::Required,
        example: "\"shop\"",
        text: "The cluster's name; nodes of another cluster are refused.",
    },
    Setting {
        section: "",
        name: "data_dir",
        kind: Kind::Path,
        absent: Absent::Required,
        example: "\"/var/lib/lightcone\"",
        text: "Where journal and records lie; made if it is not there, used by one process at a time.",
    },
    Setting {
        section: "",
        name: "joined",
        kind: Kind::Flag,
        absent: Absent::Default("false"),
        example: "false",
        text: "Whether the node was invited into a cluster that was there before, as `lightcone join` writes it; without it, it begins a cluster together with its `[[peers]]`.",
    },
    Setting {
        section: "",
        name: "emulation_allowed",
        kind: Kind::Flag,
        absent: Absent::Default("false"),
        example: "false",
        text: "Development only: whether links may be made slow or cut, by `[[emulation]]` and by `POST /emulation`.",
    },
    Setting {
        section: "resp",
        name: "listen",
        kind: Kind::Address,
        absent: Absent::Default("\"127.0.0.1:6379\""),
        example: "\"127.0.0.1:6379\"",
        text: "Where Redis clients connect. Beyond loopback it needs certificate_file and key_file, and either password_file or client_authority_file.",
    },
    Setting {
        section: "resp",
        name: "clients_max",
        kind: Kind::Whole(1, 1_000_000),
        absent: Absent::Default("10000"),
        example: "10000",
        text: "Connections at a time; one more is told so and closed.",
    },
    Setting {
        section: "resp",
        name: "idle_timeout_ms",
        kind: Kind::Whole(0, 30 * DAY_MS),
        absent: Absent::Default("0"),
        example: "300000",
        text: "A connection that asks nothing for this long is closed; 0: never.",
    },
    Setting {
        section: "resp",
        name: "stall_timeout_ms",
        kind: Kind::Whole(0, DAY_MS),
        absent: Absent::Default("60000"),
        example: "60000",
        text: "A client that has begun a request of more than 16 KiB, or was sent replies, must send or take the next MiB, or the rest, within this time, or it is closed; 0: never.",
    },
    Setting {
        section: "resp",
        name: "buffers_bytes_max",
        kind: Kind::Whole(64 << 20, 1 << 40),
        absent: Absent::Default("1073741824"),
        example: "1073741824",
        text: "Memory for large requests and replies of all clients together: what a client has of either beyond 16 KiB. A request that finds no room waits for stall_timeout_ms, a reply is refused. At least request_bytes_max and limits.reply_bytes_max and 4 MiB.",
    },
    Setting {
        section: "resp",
        name: "request_bytes_max",
        kind: Kind::Whole(16 << 20, 1 << 30),
        absent: Absent::Default("67108864"),
        example: "67108864",
        text: "The largest request, all its words; a larger one is a protocol error and closes the connection.",
    },
    Setting {
        section: "resp",
        name: "request_words_max",
        kind: Kind::Whole(1024, 16 << 20),
        absent: Absent::Default("1048576"),
        example: "1048576",
        text: "Most words of a request, the command's name among them; more is a protocol error.",
    },
    Setting {
        section: "resp",
        name: "pipeline_commands_max",
        kind: Kind::Whole(1, 65536),
        absent: Absent::Default("256"),
        example: "256",
        text: "Commands of one client that are run before their replies are sent and others have a turn. What a client sends beyond waits in its socket.",
    },
    Setting {
        section: "resp",
        name: "pipeline_bytes_max",
        kind: Kind::Whole(16 << 10, 64 << 20),
        absent: Absent::Default("1048576"),
        example: "1048576",
        text: "Replies, in bytes, after which no more commands of a client are run until it has taken them; one reply may go beyond.",
    },
    Setting {
        section: "resp",
        name: "password_file",
        kind: Kind::Path,
        absent: Absent::Nothing,
        example: "\"password\"",
        text: "A file with the password that clients must send with AUTH, readable by its owner alone (mode 0600). None: no password.",
    },
    Setting {
        section: "resp",
        name: "certificate_file",
        kind: Kind::Path,
        absent: Absent::Nothing,
        example: "\"resp.pem\"",
        text: "The certificate, PEM, that clients see; with it the door speaks TLS 1.3 only. None: no TLS.",
    },
    Setting {
        section: "resp",
        name: "key_file",
        kind: Kind::Path,
        absent: Absent::Nothing,
        example: "\"resp.key\"",
        text: "The certificate's key, PEM.",
    },
    Setting {
        section: "resp",
        name: "client_authority_file",
        kind: Kind::Path,
        absent: Absent::Nothing,
        example: "\"clients-ca.pem\"",
        text: "Only clients with a certificate of this authority, PEM, come in. None: any client.",
    },
    Setting {
        section: "http",
        name: "listen",
        kind: Kind::Address,
        absent: Absent::Default("\"127.0.0.1:8379\""),
        example: "\"127.0.0.1:8379\"",
        text: "Where /health, /status and /metrics are. Beyond loopback it needs certificate_file, key_file and token_file.",
    },
    Setting {
        section: "http",
        name: "connections_max",
        kind: Kind::Whole(1, 1_000_000),
        absent: Absent::Default("10000"),
        example: "10000",
        text: "Connections at a time; the next one waits to be accepted.",
    },
    Setting {
        section: "http",
        name: "bodies_bytes_max",
        kind: Kind::Whole(32 << 20, 1 << 40),
        absent: Absent::Default("268435456"),
        example: "268435456",
        text: "Memory for bodies on their way, in and out together; beyond it requests are refused as busy.",
    },
    Setting {
        section: "http",
        name: "stall_timeout_ms",
        kind: Kind::Whole(0, DAY_MS),
        absent: Absent::Default("60000"),
        example: "60000",
        text: "A client must take the next MiB of its answer, or the rest, within this time, or it is closed; 0: never.",
    },
    Setting {
        section: "http",
        name: "token_file",
        kind: Kind::Path,
        absent: Absent::Nothing,
        example: "\"token\"",
        text: "A file with the token that requests must bear (Authorization: Bearer TOKEN), readable by its owner alone; /health needs none, and at /v1/join an invitation is enough. None: no token.",
    },
    Setting {
        section: "http",
        name: "certificate_file",
        kind: Kind::Path,
        absent: Absent::Nothing,
        example: "\"http.pem\"",
        text: "The certificate, PEM; with it the door speaks HTTPS only. None: no TLS.",
    },
    Setting {
        section: "http",
        name: "key_file",
        kind: Kind::Path,
        absent: Absent::Nothing,
        example: "\"http.key\"",
        text: "The certificate's key, PEM.",
    },
    Setting {
        section: "link",
        name: "listen",
        kind: Kind::Address,
        absent: Absent::Required,
        example: "\"127.0.0.1:7379\"",
        text: "UDP address where other nodes connect.",
    },
    Setting {
        section: "link",
        name: "certificate_file",
        kind: Kind::Path,
        absent: Absent::Required,
        example: "\"node.pem\"",
        text: "This node's certificate, PEM, for the name node-ID.REGION.lightcone.",
    },
    Setting {
        section: "link",
        name: "key_file",
        kind: Kind::Path,
        absent: Absent::Required,
        example: "\"node.key\"",
        text: "The certificate's key, PEM.",
    },
    Setting {
        section: "link",
        name: "authority_file",
        kind: Kind::Path,
        absent: Absent::Required,
        example: "\"ca.pem\"",
        text: "The authority, PEM, that every node's certificate comes from; others are refused.",
    },
    Setting {
        section: "link",
        name: "advertise",
        kind: Kind::Address,
        absent: Absent::Nothing,
        example: "\"203.0.113.7:9001\"",
        text: "Where other nodes reach this one, if that is another address than `listen`: behind address translation, or when it listens on all addresses.",
    },
    Setting {
        section: "link",
        name: "authority_key_file",
        kind: Kind::Path,
        absent: Absent::Nothing,
        example: "\"ca.key\"",
        text: "The authority's own key, PEM, readable by its owner alone: with it this node can invite regions and sign their nodes in. One or two nodes of a cluster need it. None: new nodes are admitted elsewhere.",
    },
    Setting {
        section: "link",
        name: "coalesce_us",
        kind: Kind::Whole(0, 1_000_000),
        absent: Absent::Default("800"),
        example: "800",
        text: "After sending, wait this long, microseconds, for more to send with the next packet: fewer packets and better compression against latency.",
    },
    Setting {
        section: "link",
        name: "queue_bytes_max",
        kind: Kind::Whole(16 << 20, 1 << 32),
        absent: Absent::Default("33554432"),
        example: "33554432",
        text: "Frames that wait to be sent to one peer; beyond it they are dropped, and sent again from what the peer has acknowledged.",
    },
    Setting {
        section: "link",
        name: "unread_bytes_max",
        kind: Kind::Whole(1 << 20, 1 << 30),
        absent: Absent::Default("16777216"),
        example: "16777216",
        text: "Frames of one peer that were received and not dealt with; beyond it nothing more is read from that peer.",
    },
    Setting {
        section: "peers",
        name: "node_id",
        kind: Kind::Whole(1, 63),
        absent: Absent::Required,
        example: "2",
        text: "The peer's number.",
    },
    Setting {
        section: "peers",
        name: "region",
        kind: Kind::Label,
        absent: Absent::Required,
        example: "\"eu-west\"",
        text: "The peer's region.",
    },
    Setting {
        section: "peers",
        name: "address",
        kind: Kind::Address,
        absent: Absent::Required,
        example: "\"127.0.0.1:7380\"",
        text: "The UDP address of its links.",
    },
    Setting {
        section: "storage",
        name: "cache_bytes",
        kind: Kind::Whole(1 << 20, u64::MAX >> 1),
        absent: Absent::Default("536870912"),
        example: "536870912",
        text: "Memory for rows that were read or written lately; it grows as they come and no further.",
    },
    Setting {
        section: "storage",
        name: "dirty_bytes_max",
        kind: Kind::Whole(1 << 20, 1 << 40),
        absent: Absent::Default("268435456"),
        example: "268435456",
        text: "Changed rows in memory above which they are written to the store; writers wait when it reaches twice that.",
    },
    Setting {
        section: "storage",
        name: "journal_segment_bytes",
        kind: Kind::Whole(1 << 20, 1 << 30),
        absent: Absent::Default("67108864"),
        example: "67108864",
        text: "Size of a file of the journal.",
    },
    Setting {
        section: "storage",
        name: "journal_truncate",
        kind: Kind::Flag,
        absent: Absent::Default("true"),
        example: "true",
        text: "Whether the journal drops what is in the record store and with every node. Regions that join later, or were away for too long, are given records instead.",
    },
    Setting {
        section: "storage",
        name: "journal_retain_bytes",
        kind: Kind::Whole(1 << 20, u64::MAX >> 1),
        absent: Absent::Default("4294967296"),
        example: "4294967296",
        text: "How much journal is kept for nodes that have not got it yet. Beyond it they are given records instead; what all have is dropped at once.",
    },
    Setting {
        section: "storage",
        name: "journal_retain_s",
        kind: Kind::Whole(60, 365 * DAY_MS / 1000),
        absent: Absent::Default("604800"),
        example: "604800",
        text: "How long journal is to be kept for nodes that have not got it yet, seconds; under the same condition.",
    },
    Setting {
        section: "storage",
        name: "recount_rows_per_second",
        kind: Kind::Whole(0, 1_000_000),
        absent: Absent::Default("2000"),
        example: "2000",
        text: "How many rows are looked at in a second to see whether they still are what was written, from the first to the last and an hour later again. 0: none are.",
    },
    Setting {
        section: "storage",
        name: "journal_pending_bytes_max",
        kind: Kind::Whole(16 << 20, 1 << 32),
        absent: Absent::Default("67108864"),
        example: "67108864",
        text: "Own writes in the journal that are not durable yet; further ones wait.",
    },
    Setting {
        section: "storage",
        name: "journal_wait_ms",
        kind: Kind::Whole(0, 600_000),
        absent: Absent::Default("5000"),
        example: "5000",
        text: "How long a write waits, in its turn, for room in the journal when the disk does not keep up; then it is refused with UNAVAILABLE, and nothing of it was done. 0: it is refused at once.",
    },
    Setting {
        section: "storage",
        name: "journal_tail_bytes",
        kind: Kind::Whole(1 << 20, 1 << 32),
        absent: Absent::Default("16777216"),
        example: "16777216",
        text: "The newest part of the journal that is kept in memory for peers; what is older they get from the disk.",
    },
    Setting {
        section: "storage",
        name: "catch_up_bytes_per_second",
        kind: Kind::Whole(0, 1 << 40),
        absent: Absent::Default("104857600"),
        example: "104857600",
        text: "Bytes of records sent in a second to all regions that catch up, together, and taken by this one when it does. 0: no limit.",
    },
    Setting {
        section: "storage",
        name: "inbox_bytes_max",
        kind: Kind::Whole(16 << 20, 1 << 32),
        absent: Absent::Default("67108864"),
        example: "67108864",
        text: "Writes of other regions that wait for what they depend on; beyond it they are dropped, and sent again.",
    },
    Setting {
        section: "storage",
        name: "disk_reserve_bytes",
        kind: Kind::Whole(0, 1 << 50),
        absent: Absent::Default("536870912"),
        example: "536870912",
        text: "Clients' writes are refused with DISKFULL, except those that remove, while less than this is free where data_dir lies; the rest is for replication, flushes and compaction. 0: until nothing is free.",
    },
    Setting {
        section: "limits",
        name: "key_bytes_max",
        kind: Kind::Whole(16, 16_384),
        absent: Absent::Default("16384"),
        example: "16384",
        text: "The longest key that clients here may write.",
    },
    Setting {
        section: "limits",
        name: "field_bytes_max",
        kind: Kind::Whole(16, 32_768),
        absent: Absent::Default("32768"),
        example: "32768",
        text: "The longest field or member that clients here may write.",
    },
    Setting {
        section: "limits",
        name: "value_bytes_max",
        kind: Kind::Whole(1024, 8_388_608),
        absent: Absent::Default("8388608"),
        example: "8388608",
        text: "The largest value that clients here may write.",
    },
    Setting {
        section: "limits",
        name: "reply_elements_max",
        kind: Kind::Whole(1000, 100_000_000),
        absent: Absent::Default("1048576"),
        example: "1048576",
        text: "Most keys, members or pairs in one reply; more is refused with TOOLARGE, and the SCAN commands give pages. The replies of a transaction count as one.",
    },
    Setting {
        section: "limits",
        name: "reply_bytes_max",
        kind: Kind::Whole(16 << 20, 1 << 30),
        absent: Absent::Default("67108864"),
        example: "67108864",
        text: "Most bytes in one reply; likewise.",
    },
    Setting {
        section: "clock",
        name: "max_offset_ms",
        kind: Kind::Whole(10, DAY_MS),
        absent: Absent::Default("60000"),
        example: "60000",
        text: "A write stamped further ahead than this of the node's own clock is not accepted from a peer until the clock gets there.",
    },
    Setting {
        section: "log",
        name: "filter",
        kind: Kind::Text,
        absent: Absent::Default("\"info\""),
        example: "\"info,lc_net=debug\"",
        text: "What is logged: error, warn, info, debug or trace, also by room. The environment's LIGHTCONE_LOG goes first.",
    },
    Setting {
        section: "emulation",
        name: "peer",
        kind: Kind::Whole(1, 63),
        absent: Absent::Required,
        example: "2",
        text: "Node id of the peer that datagrams go to; its own file shapes the way back.",
    },
    Setting {
        section: "emulation",
        name: "one_way_ms",
        kind: Kind::Number(0.0, 60_000.0),
        absent: Absent::Default("0"),
        example: "41.0",
        text: "Added to each datagram.",
    },
    Setting {
        section: "emulation",
        name: "jitter_ms",
        kind: Kind::Number(0.0, 60_000.0),
        absent: Absent::Default("0"),
        example: "0.5",
        text: "Up to this much more, evenly drawn.",
    },
    Setting {
        section: "emulation",
        name: "loss_percent",
        kind: Kind::Number(0.0, 100.0),
        absent: Absent::Default("0"),
        example: "0.1",
        text: "Chance of each datagram to be lost.",
    },
    Setting {
        section: "emulation",
        name: "bandwidth_bytes_per_s",
        kind: Kind::Whole(1000, u64::MAX >> 1),
        absent: Absent::Nothing,
        example: "12500000",
        text: "The wire's rate. None: unlimited.",
    },
    Setting {
        section: "emulation",
        name: "cut",
        kind: Kind::Flag,
        absent: Absent::Default("false"),
        example: "false",
        text: "Nothing gets through, from the first packet on.",
    },
];
