//! Replicas in memory, for the tests of commands: run commands on one, carry its entries to another.
//!
//! Not a mock of merging: the same commands, ops and rows as in a node, without journal and links.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use lc_core::{Dot, HlcClock, ReplicaId, VersionVector};
use lc_crdt::{Digest, Entry, RowError, RowKind, Rows, Stamp, apply};
use lc_policy::{Policy, Table, Tables, merge_text};

use crate::{Bounds, Demand, Engine, Error, Host, Promise, Reply, Session, SessionKey, Token, Txn, View, WatchStamp};

/// Rows in a map, with a digest.
#[derive(Clone, Default)]
pub struct MapRows {
    rows: BTreeMap<Vec<u8>, Bytes>,
    digest: Digest,
    version: u64,
}

impl MapRows {
    /// The digest of heads and elements.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many rows of any kind there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Rows for MapRows {
    fn get(&self, row: &[u8]) -> Result<Option<Bytes>, RowError> {
        Ok(self.rows.get(row).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        for (row, value) in self.rows.range(from.to_vec()..to.to_vec()) {
            if !visit(row, value) {
                break;
            }
        }
        Ok(())
    }

    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        for (row, value) in self.rows.range(from.to_vec()..to.to_vec()).rev() {
            if !visit(row, value) {
                break;
            }
        }
        Ok(())
    }

    fn replace(&mut self, row: Vec<u8>, old: Option<&Bytes>, new: Option<Bytes>) {
        assert_eq!(self.rows.get(&row), old, "a caller gave an old row that is not there");
        if matches!(RowKind::of(&row), RowKind::Head | RowKind::Element) {
            self.digest.replace(&row, old.map(AsRef::as_ref), new.as_deref());
        }
        match new {
            Some(bytes) => self.rows.insert(row, bytes),
            None => self.rows.remove(&row),
        };
    }

    fn touched(&mut self, _key: Option<&[u8]>) {
        self.version += 1;
    }
}

/// One replica and one client of it. Its clock stands still until a test moves it.
pub struct Replica {
    /// Its rows.
    pub rows: MapRows,
    /// What it has applied.
    pub vector: VersionVector,
    /// Every entry it has decided.
    pub journal: Vec<Entry>,
    /// Its clock, Unix ms.
    pub now_ms: u64,
    /// The tables and their dials; none are declared at first.
    pub tables: Arc<Tables>,
    /// How many regions it believes there are; 1 at first.
    pub regions: usize,
    /// What the last write promised beyond this replica. Nobody keeps it here.
    pub promised: Option<Promise>,
    /// How large what it writes and reads may be.
    pub bounds: Bounds,
    /// So many writes find no room in the journal yet, and are to come again.
    pub crowded: u32,
    id: ReplicaId,
    clock: HlcClock,
    session: Option<Session>,
    password: Option<String>,
    /// The one setting that `CONFIG SET` may change.
    timeout: RefCell<String>,
}

impl Replica {
    /// A replica with this id whose clock reads one million.
    pub fn new(id: u16) -> Replica {
        Replica {
            rows: MapRows::default(),
            vector: VersionVector::new(),
            journal: Vec::new(),
            now_ms: 1_000_000,
            tables: Arc::default(),
            regions: 1,
            promised: None,
            bounds: Bounds::default(),
            crowded: 0,
            id: ReplicaId(id),
            clock: HlcClock::default(),
            session: Some(Session::new(1)),
            password: None,
            timeout: RefCell::new("0".to_owned()),
        }
    }

    /// The same replica with these tables declared.
    pub fn under(self, tables: Arc<Tables>) -> Replica {
        Replica { tables, ..self }
    }

    /// Lets only clients in that know this password; the user is `default`.
    pub fn require_password(&mut self, password: &str) {
        self.password = Some(password.to_owned());
    }

    /// Runs a command line (words separated by blanks, "quoted" where needed) and shows the reply as text.
    pub fn run(&mut self, line: &str) -> String {
        let words = words(line);
        let refs: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        show(&self.reply(&refs))
    }

    /// Runs a command and gives the reply itself.
    pub fn reply(&mut self, words: &[&[u8]]) -> Reply {
        let mut session = self.session.take().expect("put back below");
        let reply = session.execute(words, self);
        self.session = Some(session);
        reply
    }

    /// Applies what `other` has decided and this replica has not.
    pub fn pull(&mut self, other: &Replica) {
        let missing: Vec<Entry> =
            other.journal.iter().filter(|entry| !self.vector.covers(entry.dot)).cloned().collect();
        for entry in missing {
            self.receive(&entry);
        }
    }

    /// Applies one entry of another replica, through its bytes. Its dependencies must be there.
    pub fn receive(&mut self, entry: &Entry) {
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        let entry = Entry::decode(bytes.into()).expect("encode and decode agree");
        assert!(self.vector.covers_all(&entry.deps), "a dependency is missing");
        apply(&mut self.rows, &entry).expect("map rows do not fail");
        self.vector.raise(entry.dot.replica, entry.dot.seq);
        self.clock.recover(entry.hlc);
    }
}

/// Carries every entry to every replica, and checks that they end equal.
pub fn settle(replicas: &mut [&mut Replica]) {
    // An entry may wait for one that a later replica in the list has, so once around is not enough.
    loop {
        let journals: Vec<Vec<Entry>> = replicas.iter().map(|replica| replica.journal.clone()).collect();
        let mut carried = 0;
        for replica in replicas.iter_mut() {
            for entry in journals.iter().flatten() {
                if !replica.vector.covers(entry.dot) && replica.vector.covers_all(&entry.deps) {
                    replica.receive(entry);
                    carried += 1;
                }
            }
        }
        if carried == 0 {
            break;
        }
    }
    for pair in replicas.windows(2) {
        assert_eq!(pair[0].vector, pair[1].vector, "an entry was not carried");
        assert_eq!(pair[0].rows.digest(), pair[1].rows.digest(), "equal vectors must mean equal records");
    }
}

/// Tables by name, with their `merge` dials as text; the other dials are the default ones.
pub fn merging(tables: &[(&str, &str)]) -> Arc<Tables> {
    let table = |&(name, rule): &(&str, &str)| {
        let merge = merge_text::parse(rule).expect("a rule that there is");
        let policy = Policy { merge, ..Policy::default() };
        Table { name: name.to_owned(), version: 1, policy, placement_version: 0, target: None }
    };
    Arc::new(Tables::new(1, tables.iter().map(table).collect()))
}

impl Engine for Replica {
    fn host(&self) -> &dyn Host {
        self
    }

    fn read(
        &mut self,
        _keys: &[&[u8]],
        run: &mut dyn FnMut(&View<'_>) -> Result<Reply, Error>,
    ) -> Result<Reply, Error> {
        run(&View::new(&self.rows, self.now_ms, 7).under(&self.tables))
    }

    fn write(&mut self, run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>) -> Result<Reply, Error> {
        if self.crowded > 0 {
            self.crowded -= 1;
            return Err(Error::Later);
        }
        let before = self.rows.clone();
        let seq = self.vector.get(self.id) + 1;
        let (dot, hlc, deps) = (Dot::new(self.id, seq), self.clock.next(self.now_ms), self.vector.clone());
        let stamp = Stamp { dot, hlc, deps: &deps };
        let mut txn = Txn::new(&mut self.rows, stamp, self.now_ms, seq).under(&self.tables);
        let outcome = run(&mut txn);
        let ops = txn.into_ops();
        if outcome.is_err() {
            self.rows = before;
        } else if !ops.is_empty() {
            self.vector.raise(self.id, seq);
            self.journal.push(Entry { dot, prev_seq: seq - 1, hlc, deps, ops });
        }
        outcome
    }

    fn write_if_unchanged(
        &mut self,
        watched: &[(Bytes, WatchStamp)],
        run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>,
    ) -> Result<Option<Reply>, Error> {
        // Any change counts, not only one of the watched keys: stricter than a node, enough for one client's tests.
        if watched.iter().any(|(_, stamp)| stamp.0 != self.rows.version) {
            return Ok(None);
        }
        self.write(run).map(Some)
    }

    fn watch(&mut self, _key: &[u8]) -> WatchStamp {
        WatchStamp(self.rows.version)
    }

    fn unwatch(&mut self, _keys: &[(Bytes, WatchStamp)]) {}

    fn all_plain(&self) -> bool {
        self.tables.all_plain()
    }

    fn tables(&self) -> Arc<Tables> {
        self.tables.clone()
    }

    fn region_count(&self) -> usize {
        self.regions
    }

    /// What is here, or an error at once: a replica in a test has nobody to ask.
    fn demand(&mut self, demand: Demand) -> Result<Option<Reply>, Error> {
        if let Some((replica, seq)) = demand.covers.iter().find(|&(replica, seq)| self.vector.get(replica) < seq) {
            return Err(Error::Behind(format!("this replica lacks {replica}:{seq}")));
        }
        if let Some(quorum) = demand.quorum {
            let silent = String::new();
            return Err(Error::NoQuorum {
                have: 1,
                need: quorum.regions as u16,
                waited_ms: demand.wait_ms as u32,
                silent: silent.into(),
            });
        }
        match demand.fresh_ms {
            Some(ms) => Err(Error::Stale(format!("nobody is known to be fresh within {ms} ms"))),
            None => Ok(None),
        }
    }

    fn promise(&mut self, promise: Promise) {
        self.promised = Some(promise);
    }

    fn session_token(&mut self, seen: &VersionVector) -> Result<String, Error> {
        let mut vector = self.vector.clone();
        vector.merge(seen);
        Ok(Token::seal(&vector, &session_key()))
    }

    fn open_token(&mut self, token: &[u8]) -> Result<VersionVector, Error> {
        let vector = Token::open(token, &[session_key()])?;
        let (named, own) = (vector.get(self.id), self.vector.get(self.id));
        if named > own {
            return Err(Error::Token(format!("it names write {named} of this replica, which has made {own}")));
        }
        Ok(vector)
    }
}

/// What signs the tokens of all replicas in tests.
fn session_key() -> SessionKey {
    SessionKey::new([7; 32])
}

impl Host for Replica {
    fn bounds(&self) -> Bounds {
        self.bounds
    }
    fn now_ms(&self) -> u64 {
        self.now_ms
    }
    fn info(&self, _section: Option<&str>) -> String {
        format!("# Replica\r\nid:{}\r\n", self.id)
    }
    fn config(&self) -> Vec<(String, String)> {
        vec![("maxclients".to_owned(), "100".to_owned()), ("timeout".to_owned(), self.timeout.borrow().clone())]
    }
    fn set_config(&self, name: &str, value: &str) -> Result<(), Error> {
        if name == "timeout" {
            *self.timeout.borrow_mut() = value.to_owned();
            return Ok(());
        }
        Err(Error::caller(format!("CONFIG SET failed - '{name}' can not be changed in a test")))
    }
    fn reset_statistics(&self) {}
    fn password_required(&self) -> bool {
        self.password.is_some()
    }
    fn authenticate(&self, user: &[u8], password: &[u8]) -> bool {
        user == b"default" && self.password.as_ref().is_some_and(|right| right.as_bytes() == password)
    }
    fn clients(&self) -> Vec<(u64, String)> {
        vec![(1, "id=1".to_owned())]
    }
    fn kill_client(&self, id: u64) -> bool {
        id == 1
    }
    fn key_count(&self) -> u64 {
        let mut count = 0;
        let view = View::new(&self.rows, 0, 0);
        view.each_key(0, &mut |_, _, _| {
            count += 1;
            true
        })
        .expect("map rows do not fail");
        count
    }
}

/// Splits a line into words; `"..."` keeps blanks together and knows `\"`, `\\`, `\n`, `\r`, `\xHH`.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut left = line.trim_start();
    while !left.is_empty() {
        let (word, rest) = match left.strip_prefix('"') {
            Some(quoted) => quoted_word(quoted),
            None => {
                let end = left.find(char::is_whitespace).unwrap_or(left.len());
                (left.as_bytes()[..end].to_vec(), &left[end..])
            }
        };
        words.push(word);
        left = rest.trim_start();
    }
    words
}

fn quoted_word(quoted: &str) -> (Vec<u8>, &str) {
    let mut word = Vec::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (word, &quoted[at + 1..]),
            '\\' => match chars.next().map(|(_, escaped)| escaped) {
                Some('n') => word.push(b'\n'),
                Some('r') => word.push(b'\r'),
                Some('x') => {
                    let hex: String = chars.by_ref().take(2).map(|(_, digit)| digit).collect();
                    word.push(u8::from_str_radix(&hex, 16).expect("two hex digits after \\x"));
                }
                Some(other) => word.extend_from_slice(other.to_string().as_bytes()),
                None => break,
            },
            other => word.extend_from_slice(other.to_string().as_bytes()),
        }
    }
    panic!("a quote is not closed");
}

/// A reply on one line: bulk strings as they are, lists in brackets, `nil`, errors with their code.
pub fn show(reply: &Reply) -> String {
    let list = |items: &[Reply]| items.iter().map(show).collect::<Vec<_>>().join(" ");
    match reply {
        Reply::Word(word) => (*word).to_owned(),
        Reply::Int(value) => value.to_string(),
        Reply::Bulk(bytes) if bytes.is_empty() => "\"\"".to_owned(),
        Reply::Bulk(bytes) => bytes.escape_ascii().to_string(),
        Reply::Nil | Reply::NilArray => "nil".to_owned(),
        Reply::Bool(yes) => yes.to_string(),
        Reply::Double(value) => crate::float::format(*value),
        Reply::Array(items) => format!("[{}]", list(items)),
        Reply::Set(items) => {
            let mut shown: Vec<String> = items.iter().map(show).collect();
            shown.sort();
            format!("{{{}}}", shown.join(" "))
        }
        Reply::Pairs(pairs) => {
            let shown: Vec<String> =
                pairs.iter().map(|(one, other)| format!("[{} {}]", show(one), show(other))).collect();
            format!("[{}]", shown.join(" "))
        }
        Reply::Map(pairs) => {
            let mut shown: Vec<String> =
                pairs.iter().map(|(key, value)| format!("{}={}", show(key), show(value))).collect();
            shown.sort();
            format!("{{{}}}", shown.join(" "))
        }
        Reply::Text(text) => text.clone(),
        Reply::Error(error) => format!("{} {error}", error.code()),
    }
}
