//! One client connection's state, and how a command finds its way: now, queued by `MULTI`, or refused.

use std::sync::Arc;

use bytes::Bytes;
use lc_core::VersionVector;
use lc_core::limits::{ENTRY_BYTES_MAX, FIELD_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX};
use lc_policy::Tables;

use crate::arguments::Args;
use crate::catalogue::{Command, Run};
use crate::consistency::{Among, Demand, Dials, Promise, Wish, among, held_here};
use crate::{Bounds, Error, Receipt, Reply, Room, Txn, View, commands};

/// What a node can tell and change for a client, beside records.
pub trait Host {
    /// Unix milliseconds.
    fn now_ms(&self) -> u64;
    /// Text of `INFO`, one section or all.
    fn info(&self, section: Option<&str>) -> String;
    /// Settings that `CONFIG GET` shows: (name, value).
    fn config(&self) -> Vec<(String, String)>;
    /// Changes a setting that may change while running; the error says which may.
    fn set_config(&self, name: &str, value: &str) -> Result<(), Error>;
    /// How large what clients write and read may be.
    fn bounds(&self) -> Bounds {
        Bounds::default()
    }
    /// Forgets counters that `CONFIG RESETSTAT` resets.
    fn reset_statistics(&self);
    /// Whether a client must authenticate.
    fn password_required(&self) -> bool;
    /// Whether the password is right for the user.
    fn authenticate(&self, user: &[u8], password: &[u8]) -> bool;
    /// A line for each connection, as `CLIENT LIST` shows it.
    fn clients(&self) -> Vec<(u64, String)>;
    /// Ends a connection; false if there is none of this id.
    fn kill_client(&self, id: u64) -> bool;
    /// Every key that exists, an estimate within what has expired but not been removed.
    fn key_count(&self) -> u64;
}

/// The version of a key when `WATCH` saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchStamp(pub u64);

/// Where commands run: a node, or a replica in a test.
pub trait Engine {
    /// The node around the records.
    fn host(&self) -> &dyn Host;

    /// Runs a read at one moment. `keys` are those it looks at; empty: it may look at all.
    fn read(&mut self, keys: &[&[u8]], run: &mut dyn FnMut(&View<'_>) -> Result<Reply, Error>) -> Result<Reply, Error>;

    /// Runs a write as one entry; an error leaves nothing behind.
    fn write(&mut self, run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>) -> Result<Reply, Error>;

    /// Like [`Engine::write`], but only if no watched key has changed; `None` if one has.
    fn write_if_unchanged(
        &mut self,
        watched: &[(Bytes, WatchStamp)],
        run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>,
    ) -> Result<Option<Reply>, Error>;

    /// Starts watching a key.
    fn watch(&mut self, key: &[u8]) -> WatchStamp;

    /// Stops watching; once for each [`Engine::watch`].
    fn unwatch(&mut self, keys: &[(Bytes, WatchStamp)]);

    /// Whether every table is local and typed. Then no command needs any of what follows.
    fn all_plain(&self) -> bool {
        true
    }

    /// The tables and their dials.
    fn tables(&self) -> Arc<Tables> {
        Arc::default()
    }

    /// How many regions the cluster has.
    fn region_count(&self) -> usize {
        1
    }

    /// The region that this is in.
    fn region(&self) -> &str {
        ""
    }

    /// Asks for what a command needs. [`Error::Later`] means that it is on its way: the same command is to be executed
    /// again once it has come, and then this answers `Ok`, or gives another region's reply.
    fn demand(&mut self, demand: Demand) -> Result<Option<Reply>, Error> {
        let _ = demand;
        Ok(None)
    }

    /// The next write is to be held by so many regions before its reply leaves, if it writes anything.
    fn promise(&mut self, promise: Promise) {
        let _ = promise;
    }

    /// What the last answer showed beyond what is applied here: later reads of the session must not go back behind it.
    fn take_seen(&mut self) -> VersionVector {
        VersionVector::new()
    }

    /// How the last command was answered.
    fn receipt(&mut self) -> Receipt {
        Receipt::default()
    }

    /// A token for everything that this connection may have written or seen; `seen` is what it saw elsewhere.
    fn session_token(&mut self, seen: &VersionVector) -> Result<String, Error> {
        let _ = seen;
        Err(Error::NotOffered("this engine has no session tokens".to_owned()))
    }

    /// What a token stands for; an error if it is not of this cluster, or claims what cannot be.
    fn open_token(&mut self, token: &[u8]) -> Result<VersionVector, Error> {
        let _ = token;
        Err(Error::NotOffered("this engine has no session tokens".to_owned()))
    }
}

/// A command that waits for `EXEC`.
pub struct Queued {
    command: &'static Command,
    args: Vec<Bytes>,
}

/// One connection.
#[derive(Default)]
pub struct Session {
    /// Number of the connection on this node.
    pub id: u64,
    /// What `CLIENT SETNAME` chose.
    pub name: Bytes,
    /// Client library's name and version, as `CLIENT SETINFO` told.
    pub library: (Bytes, Bytes),
    /// 2 or 3; 0 counts as 2.
    pub protocol: u8,
    /// Whether `AUTH` succeeded.
    pub authenticated: bool,
    /// The connection ends after this reply.
    pub closing: bool,
    /// Whether replies are sent (`CLIENT REPLY`).
    pub silent: bool,
    /// Skip the reply of this command and of the next, as `CLIENT REPLY SKIP` asks.
    pub skip_next: bool,
    /// A command was carried out that may have changed any of the above; whoever looked takes this back.
    pub changed: bool,
    /// What this connection asks for instead of what tables say.
    pub wish: Wish,
    /// Replies come with receipts.
    pub receipts: bool,
    /// What the session has written or seen elsewhere and this node may not have.
    required: VersionVector,
    /// What quorum reads showed beyond that: later reads must not go back behind it.
    glimpsed: VersionVector,
    /// What one request asks for.
    once: Wish,
    /// It was looked, and nothing of the above asks for anything; nothing of it has changed since.
    usual: bool,
    /// It was looked, and no password is missing; nothing has changed since.
    admitted: bool,
    queue: Option<Vec<Queued>>,
    queue_broken: bool,
    queued_bytes: usize,
    watched: Vec<(Bytes, WatchStamp)>,
}

impl Session {
    /// A fresh connection.
    pub fn new(id: u64) -> Session {
        Session { id, protocol: 2, changed: true, ..Session::default() }
    }

    /// Whether `MULTI` is open.
    pub fn in_transaction(&self) -> bool {
        self.queue.is_some()
    }

    /// How many keys are watched.
    pub fn watched(&self) -> usize {
        self.watched.len()
    }

    /// How many commands wait for `EXEC`; `None` outside `MULTI`.
    pub fn queued(&self) -> Option<usize> {
        self.queue.as_ref().map(Vec::len)
    }

    /// Carries out a command: `words` are its name and arguments, at least one.
    pub fn execute(&mut self, words: &[&[u8]], engine: &mut dyn Engine) -> Reply {
        let Some((name, args)) = words.split_first() else { return Reply::Error(Error::Syntax) };
        self.dispatch(name, args, engine).unwrap_or_else(|error| {
            // EXEC must not run what was queued around a command that was refused.
            self.queue_broken |= self.queue.is_some() && error != Error::Later;
            Reply::Error(error)
        })
    }

    fn dispatch(&mut self, name: &[u8], args: Args<'_>, engine: &mut dyn Engine) -> Result<Reply, Error> {
        let command = commands::find(name).ok_or_else(|| commands::refusal(name, args))?;
        if !command.arity.allows(args.len()) {
            return Err(Error::Arity(command.name.into()));
        }
        if !self.admitted && !self.is_admitted(command, engine) {
            return Err(Error::NoAuth);
        }
        if !matches!(command.run, Run::Read(_) | Run::Write(_)) {
            // All others may change what the session is and asks for.
            (self.admitted, self.usual, self.changed) = (false, false, true);
        }
        match command.run {
            // Nothing is left to unwatch once EXEC runs what is queued, but before that the watched keys count.
            Run::Transaction(_) if self.queue.is_some() && command.name == "unwatch" => self.enqueue(command, args),
            // What these refuse, such as a second MULTI, does not spoil the transaction.
            Run::Transaction(run) => Ok(run(self, engine, args).into()),
            Run::Session(run) if ENDS_TRANSACTION.contains(&command.name) => {
                self.discard(engine);
                run(self, engine.host(), args)
            }
            _ if self.queue.is_some() => self.enqueue(command, args),
            Run::Session(run) => run(self, engine.host(), args),
            _ if !self.is_plain(engine) => self.run_by_dials(command, args, engine),
            Run::Read(run) if command.looks_at_one_value() => {
                let reply = engine.read(&args[..1], &mut |view| run(view, args))?;
                // No node's bound on replies is less than that on values.
                if reply.bytes() > VALUE_BYTES_MAX {
                    engine.host().bounds().check(&reply)?;
                }
                Ok(reply)
            }
            Run::Read(run) => {
                let bounds = engine.host().bounds();
                engine.read(&command.keys_in(args), &mut |view| bounded(view, bounds, |view| run(view, args)))
            }
            Run::Write(run) => {
                let bounds = engine.host().bounds();
                engine.write(&mut |txn| {
                    txn.bound(bounds);
                    run(txn, args)
                })
            }
        }
    }

    /// Looks once; that holds until a command about the connection.
    #[cold]
    fn is_admitted(&mut self, command: &Command, engine: &dyn Engine) -> bool {
        self.admitted = self.authenticated || !engine.host().password_required();
        self.admitted || BEFORE_AUTH.contains(&command.name)
    }

    /// Nothing to look up: every table is plain, and the session has seen nothing elsewhere and asks for nothing.
    fn is_plain(&mut self, engine: &dyn Engine) -> bool {
        engine.all_plain() && (self.usual || self.is_usual())
    }

    /// Looks once; that holds until a command about the connection, or one that needed other regions.
    #[cold]
    fn is_usual(&mut self) -> bool {
        let nothing_seen = self.required.is_empty() && self.glimpsed.is_empty();
        self.usual = nothing_seen && self.wish == Wish::default() && self.once == Wish::default();
        self.usual
    }

    /// A read or write, as its tables, its session and its request want it.
    fn run_by_dials(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        engine: &mut dyn Engine,
    ) -> Result<Reply, Error> {
        self.usual = false;
        let keys = commands::keys_of(command, args);
        let dials = self.dials(engine, &keys)?;
        // No keys found would mean that there are none.
        if let Some(sought) = sought(command, args) {
            held_here(&engine.tables(), engine.region(), &[sought])?;
        }
        let writes = command.run.writes();
        let promise = if writes { dials.promise()? } else { None };
        let mut demand = dials.demand(&self.seen(writes), &keys, writes)?;
        if !demand.is_empty() {
            if !writes {
                let name = Bytes::from_static(command.name.as_bytes());
                demand.words =
                    std::iter::once(name).chain(args.iter().map(|arg| Bytes::copy_from_slice(arg))).collect();
            }
            if let Some(reply) = self.ask(demand, engine)? {
                return Ok(reply);
            }
        }
        let bounds = engine.host().bounds();
        match command.run {
            Run::Write(run) => {
                promise.into_iter().for_each(|promise| engine.promise(promise));
                engine.write(&mut |txn| {
                    txn.bound(bounds);
                    run(txn, args)
                })
            }
            Run::Read(run) => {
                let outcome = engine.read(&keys, &mut |view| bounded(view, bounds, |view| run(view, args)));
                self.glimpsed.merge(&engine.take_seen());
                outcome
            }
            Run::Session(_) | Run::Transaction(_) => unreachable!("dispatch sends reads and writes only"),
        }
    }

    /// What must be here before a command runs. A write is decided by what is here: what a quorum read glimpsed elsewhere
    /// must not make it wait.
    fn seen(&self, writes: bool) -> VersionVector {
        let mut seen = self.required.clone();
        if !writes {
            seen.merge(&self.glimpsed);
        }
        seen
    }

    fn dials(&self, engine: &dyn Engine, keys: &[&[u8]]) -> Result<Dials, Error> {
        let tables = engine.tables();
        held_here(&tables, engine.region(), keys)?;
        Ok(Dials::of(&tables, keys, self.once.or(self.wish), engine.region_count()))
    }

    /// Asks for what a command needs; gives the reply if another region ran it.
    fn ask(&mut self, demand: Demand, engine: &mut dyn Engine) -> Result<Option<Reply>, Error> {
        // What a quorum has together is not here for the next command.
        let (alone, covers) = (demand.quorum.is_none(), demand.covers.clone());
        let reply = engine.demand(demand)?;
        match reply {
            // Applied here, and what is applied never shrinks: nothing to look for any more.
            None if alone => {
                for seen in [&mut self.required, &mut self.glimpsed] {
                    if covers.covers_all(seen) {
                        *seen = VersionVector::new();
                    }
                }
            }
            None => {}
            Some(_) => self.required.merge(&engine.take_seen()),
        }
        Ok(reply)
    }

    /// `SESSION TOKEN`: a token for everything that the session may have written or seen.
    pub fn token(&mut self, engine: &mut dyn Engine) -> Result<String, Error> {
        let mut seen = self.required.clone();
        seen.merge(&self.glimpsed);
        engine.session_token(&seen)
    }

    /// `SESSION RESUME`: from here on, nothing that the token's session saw may be missing.
    pub fn resume(&mut self, engine: &mut dyn Engine, token: &[u8]) -> Result<(), Error> {
        self.usual = false;
        self.required.merge(&engine.open_token(token)?);
        Ok(())
    }

    /// `SESSION RESET`: a new session, which has seen nothing.
    pub(crate) fn forget_session(&mut self) {
        self.required = VersionVector::new();
        self.glimpsed = VersionVector::new();
    }

    /// `WITH`: one command with another wish.
    pub(crate) fn with(&mut self, wish: Wish, words: Args<'_>, engine: &mut dyn Engine) -> Result<Reply, Error> {
        if self.queue.is_some() {
            self.queue_broken = true;
            return Err(Error::caller(
                "WITH inside MULTI is not allowed: a transaction is one write, ask before it with SESSION ACK",
            ));
        }
        let (name, args) = words.split_first().ok_or(Error::Syntax)?;
        (self.once, self.usual) = (wish, false);
        let outcome = self.dispatch(name, args, engine);
        (self.once, self.usual) = (Wish::default(), false);
        outcome
    }

    fn enqueue(&mut self, command: &'static Command, args: Args<'_>) -> Result<Reply, Error> {
        let bytes = ARGUMENT_BYTES + args.iter().map(|arg| arg.len() + ARGUMENT_BYTES).sum::<usize>();
        if self.queued_bytes + bytes > ENTRY_BYTES_MAX {
            return Err(Error::TooLarge {
                what: "transaction",
                bytes: self.queued_bytes + bytes,
                max: ENTRY_BYTES_MAX,
            });
        }
        self.queued_bytes += bytes;
        let args = args.iter().map(|arg| Bytes::copy_from_slice(arg)).collect();
        self.queue.get_or_insert_default().push(Queued { command, args });
        Ok(Reply::Word("QUEUED"))
    }

    /// `MULTI`.
    pub(crate) fn begin(&mut self) -> Result<Reply, Error> {
        if self.queue.is_some() {
            return Err(Error::caller("MULTI calls can not be nested"));
        }
        self.queue = Some(Vec::new());
        self.queue_broken = false;
        self.queued_bytes = 0;
        Ok(Reply::OK)
    }

    /// Forgets what is queued and watched.
    pub fn discard(&mut self, engine: &mut dyn Engine) {
        self.queue = None;
        self.queue_broken = false;
        self.queued_bytes = 0;
        self.unwatch(engine);
    }

    /// `WATCH`.
    pub(crate) fn watch(&mut self, engine: &mut dyn Engine, keys: Args<'_>) -> Result<Reply, Error> {
        if self.queue.is_some() {
            return Err(Error::caller("WATCH inside MULTI is not allowed"));
        }
        for key in keys {
            if !self.watched.iter().any(|(watched, _)| watched == key) {
                if self.watched.len() == WATCHED_MAX {
                    return Err(Error::caller(format!("at most {WATCHED_MAX} keys can be watched")));
                }
                if key.len() > KEY_BYTES_MAX {
                    return Err(Error::TooLarge { what: "key", bytes: key.len(), max: KEY_BYTES_MAX });
                }
                self.watched.push((Bytes::copy_from_slice(key), engine.watch(key)));
            }
        }
        Ok(Reply::OK)
    }

    /// `UNWATCH`.
    pub(crate) fn unwatch(&mut self, engine: &mut dyn Engine) {
        engine.unwatch(&std::mem::take(&mut self.watched));
    }

    /// `EXEC`: all that is queued, as one entry.
    pub(crate) fn exec(&mut self, engine: &mut dyn Engine) -> Result<Reply, Error> {
        let plain = self.is_plain(engine);
        let promise = match self.queue {
            Some(_) if !self.queue_broken && !plain => match self.prepare_exec(engine) {
                // The same EXEC comes again; any other refusal ends the transaction, as its client will believe.
                Err(error) if error != Error::Later => {
                    self.discard(engine);
                    return Err(error);
                }
                prepared => prepared?,
            },
            _ => None,
        };
        let queue = self.queue.take().ok_or(Error::caller("EXEC without MULTI"))?;
        let watched = std::mem::take(&mut self.watched);
        let broken = std::mem::take(&mut self.queue_broken);
        self.queued_bytes = 0;
        promise.into_iter().for_each(|promise| engine.promise(promise));
        let outcome = if broken { Err(Error::ExecAbort) } else { self.exec_queue(engine, &watched, &queue) };
        if outcome == Err(Error::Later) {
            // Nothing was decided, and the same EXEC comes again.
            (self.queue, self.watched) = (Some(queue), watched);
            return outcome;
        }
        engine.unwatch(&watched);
        outcome
    }

    /// A transaction is one write: the strictest `ack` of its tables holds, and what its session saw must be here. Its
    /// reads see what is here.
    fn prepare_exec(&mut self, engine: &mut dyn Engine) -> Result<Option<Promise>, Error> {
        let queue = self.queue.as_deref().unwrap_or_default();
        let mut keys = Vec::new();
        for queued in queue {
            keys.extend(commands::keys_of(queued.command, &refs(&queued.args)).into_iter().map(Bytes::copy_from_slice));
        }
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        let dials = self.dials(engine, &keys)?;
        let promise = dials.promise()?;
        let demand = dials.demand(&self.required, &keys, true)?;
        if !demand.is_empty() {
            self.ask(demand, engine)?;
        }
        Ok(promise)
    }

    fn exec_queue(
        &mut self,
        engine: &mut dyn Engine,
        watched: &[(Bytes, WatchStamp)],
        queue: &[Queued],
    ) -> Result<Reply, Error> {
        // Commands about the connection do not touch records, so they are answered after the entry is decided.
        let mut replies = Vec::new();
        let bounds = engine.host().bounds();
        let outcome = engine.write_if_unchanged(watched, &mut |txn| {
            txn.bound(bounds);
            replies = run_queue(txn, queue, &Room::for_reply(bounds))?;
            Ok(Reply::Nil)
        })?;
        if outcome.is_none() {
            return Ok(Reply::NilArray);
        }
        let answered = queue.iter().zip(replies).map(|(queued, reply)| match (reply, queued.command.run) {
            (None, Run::Session(run)) => run(self, engine.host(), &refs(&queued.args)).into(),
            // Only UNWATCH is queued of these, and EXEC has let go of the watched keys.
            (None, Run::Transaction(_)) => Reply::OK,
            (reply, _) => reply.unwrap_or(Reply::Nil),
        });
        Ok(Reply::Array(answered.collect()))
    }
}

/// A pattern that names one table's keys, of a command that looks for keys.
fn sought<'a>(command: &Command, args: Args<'a>) -> Option<&'a [u8]> {
    let pattern = match command.name {
        "keys" => *args.first()?,
        "scan" => *args.get(args.iter().position(|arg| arg.eq_ignore_ascii_case(b"match"))? + 1)?,
        _ => return None,
    };
    let table = lc_policy::table_of(pattern);
    let plain = !table.is_empty() && !table.iter().any(|byte| b"*?[]\\".contains(byte));
    plain.then_some(pattern)
}

/// Whether another region may be given the reply to a command that reads: it may have all that the command looks at. Gives
/// the regions that have that.
pub fn may_answer(words: &[&[u8]], tables: &Tables, region: &str) -> Result<Among, Error> {
    let (name, args) = words.split_first().ok_or(Error::Syntax)?;
    let command = commands::find(name).ok_or_else(|| commands::refusal(name, args))?;
    let keys = commands::keys_of(command, args);
    match tables.withheld_from(region).next() {
        // It may look at everything.
        Some(table) if keys.is_empty() => return Err(Error::elsewhere(table, region)),
        _ => held_here(tables, region, &keys)?,
    }
    Ok(among(tables, &keys))
}

/// Runs a command that only reads, for another region; whether its own dials allow that is for that region to say.
pub fn read_command(words: &[&[u8]], view: &View<'_>) -> Result<Reply, Error> {
    let (name, args) = words.split_first().ok_or(Error::Syntax)?;
    let command = commands::find(name).ok_or_else(|| commands::refusal(name, args))?;
    match command.run {
        _ if !command.arity.allows(args.len()) => Err(Error::Arity(command.name.into())),
        Run::Read(run) => bounded(view, FORWARDED, |view| run(view, args)),
        _ => Err(Error::caller(format!("'{}' cannot be run for another region", command.name))),
    }
}

/// Runs a read so that its reply stays within bounds: while it gathers, and once more for what it shares with rows.
fn bounded(
    view: &View<'_>,
    bounds: Bounds,
    run: impl FnOnce(&View<'_>) -> Result<Reply, Error>,
) -> Result<Reply, Error> {
    let reply = run(&view.within(&Room::for_reply(bounds)))?;
    bounds.check(&reply)?;
    Ok(reply)
}

/// The replies of a transaction are one reply, so `room` is for all of them.
fn run_queue(txn: &mut Txn<'_>, queue: &[Queued], room: &Room) -> Result<Vec<Option<Reply>>, Error> {
    let mut replies = Vec::with_capacity(queue.len());
    for queued in queue {
        let reply = run_queued(txn, queued)?;
        reply.as_ref().map_or(Ok(()), |reply| room.take_reply(reply))?;
        replies.push(reply);
    }
    Ok(replies)
}

fn run_queued(txn: &mut Txn<'_>, queued: &Queued) -> Result<Option<Reply>, Error> {
    let args = refs(&queued.args);
    match queued.command.run {
        Run::Read(run) => {
            let bounds = *txn.bounds();
            Ok(Some(bounded(&txn.view(), bounds, |view| run(view, &args)).into()))
        }
        Run::Write(run) => {
            let before = txn.op_count();
            match run(txn, &args) {
                // Half a command must not be written: give the whole transaction up, its owner restores the rows.
                Err(error) if txn.op_count() > before => Err(error),
                outcome => Ok(Some(outcome.into())),
            }
        }
        Run::Session(_) | Run::Transaction(_) => Ok(None),
    }
}

fn refs(args: &[Bytes]) -> Vec<&[u8]> {
    args.iter().map(AsRef::as_ref).collect()
}

const BEFORE_AUTH: [&str; 4] = ["auth", "hello", "quit", "reset"];
/// Commands that are carried out at once even inside `MULTI`.
const ENDS_TRANSACTION: [&str; 2] = ["reset", "quit"];
/// What is read for another region must fit a frame, with up to eight bytes beside each element.
const FORWARDED: Bounds = Bounds {
    key_bytes_max: KEY_BYTES_MAX,
    field_bytes_max: FIELD_BYTES_MAX,
    value_bytes_max: VALUE_BYTES_MAX,
    reply_elements_max: 256 * 1024,
    reply_bytes_max: ENTRY_BYTES_MAX - (2 << 20),
};
/// Keys that one connection may watch: each is looked up among the others.
const WATCHED_MAX: usize = 4096;
/// What a queued command or argument costs beside its bytes.
const ARGUMENT_BYTES: usize = 48;
