//! One client connection's state, and how a command finds its way: now, queued by `MULTI`, or refused.

use bytes::Bytes;
use lc_core::limits::ENTRY_BYTES_MAX;

use crate::arguments::Args;
use crate::catalogue::{Command, Run};
use crate::{Error, Reply, Txn, View, commands};

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
    queue: Option<Vec<Queued>>,
    queue_broken: bool,
    queued_bytes: usize,
    watched: Vec<(Bytes, WatchStamp)>,
}

impl Session {
    /// A fresh connection.
    pub fn new(id: u64) -> Session {
        Session { id, protocol: 2, ..Session::default() }
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
            self.queue_broken |= self.queue.is_some();
            Reply::Error(error)
        })
    }

    fn dispatch(&mut self, name: &[u8], args: Args<'_>, engine: &mut dyn Engine) -> Result<Reply, Error> {
        let command = commands::find(name).ok_or_else(|| commands::refusal(name, args))?;
        if !command.arity.allows(args.len()) {
            return Err(Error::Arity(command.name.into()));
        }
        if engine.host().password_required() && !self.authenticated && !BEFORE_AUTH.contains(&command.name) {
            return Err(Error::NoAuth);
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
            Run::Read(run) => engine.read(&command.keys_in(args), &mut |view| run(view, args)),
            Run::Write(run) => engine.write(&mut |txn| run(txn, args)),
            Run::Session(run) => run(self, engine.host(), args),
        }
    }

    fn enqueue(&mut self, command: &'static Command, args: Args<'_>) -> Result<Reply, Error> {
        let bytes: usize = args.iter().map(|arg| arg.len() + ARGUMENT_BYTES).sum();
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
        let queue = self.queue.take().ok_or(Error::caller("EXEC without MULTI"))?;
        let watched = std::mem::take(&mut self.watched);
        let broken = std::mem::take(&mut self.queue_broken);
        self.queued_bytes = 0;
        let outcome = if broken { Err(Error::ExecAbort) } else { self.exec_queue(engine, &watched, &queue) };
        engine.unwatch(&watched);
        outcome
    }

    fn exec_queue(
        &mut self,
        engine: &mut dyn Engine,
        watched: &[(Bytes, WatchStamp)],
        queue: &[Queued],
    ) -> Result<Reply, Error> {
        // Commands about the connection do not touch records, so they are answered after the entry is decided.
        let mut replies = Vec::new();
        let outcome = engine.write_if_unchanged(watched, &mut |txn| {
            replies = run_queue(txn, queue)?;
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

fn run_queue(txn: &mut Txn<'_>, queue: &[Queued]) -> Result<Vec<Option<Reply>>, Error> {
    queue.iter().map(|queued| run_queued(txn, queued)).collect()
}

fn run_queued(txn: &mut Txn<'_>, queued: &Queued) -> Result<Option<Reply>, Error> {
    let args = refs(&queued.args);
    match queued.command.run {
        Run::Read(run) => Ok(Some(run(&txn.view(), &args).into())),
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
/// What a queued argument costs beside its bytes.
const ARGUMENT_BYTES: usize = 48;
