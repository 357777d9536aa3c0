//! Commands with commands inside: `CLIENT`, `CONFIG`, `COMMAND`, `OBJECT`.

use crate::arguments::{Args, shown};
use crate::{Error, Reply};

/// Which subcommand an argument names, its arguments, and how many it may have.
pub(super) struct Subcommand<'a> {
    /// The command around it, in capitals.
    pub(super) of: &'static str,
    /// As the client wrote it.
    pub(super) name: &'a [u8],
    /// What follows it.
    pub(super) args: Args<'a>,
}

impl<'a> Subcommand<'a> {
    /// The first argument of `of`, which its arity promises.
    pub(super) fn new(of: &'static str, args: Args<'a>) -> Subcommand<'a> {
        let (name, args) = args.split_first().map_or((b"".as_slice(), args), |(name, args)| (*name, args));
        Subcommand { of, name, args }
    }

    /// Its name in small letters.
    pub(super) fn lower(&self) -> String {
        shown(self.name).to_ascii_lowercase()
    }

    /// Its arguments, if there are as many as it takes.
    pub(super) fn exactly<const COUNT: usize>(&self) -> Result<[&'a [u8]; COUNT], Error> {
        self.args.try_into().map_err(|_| self.wrong_count())
    }

    /// Its arguments, if there are enough.
    pub(super) fn at_least(&self, count: usize) -> Result<Args<'a>, Error> {
        if self.args.len() < count { Err(self.wrong_count()) } else { Ok(self.args) }
    }

    /// Too few or too many arguments.
    pub(super) fn wrong_count(&self) -> Error {
        Error::Arity(format!("{}|{}", self.of.to_ascii_lowercase(), self.lower()).into())
    }

    /// A subcommand that nobody knows.
    pub(super) fn unknown(&self) -> Error {
        Error::NotOffered(format!("unknown subcommand '{}'. Try {} HELP.", shown(self.name), self.of))
    }

    /// One of Redis that is left out, and why.
    pub(super) fn not_offered(&self, why: &str) -> Error {
        Error::NotOffered(format!(
            "command '{} {}' is not offered: {why}",
            self.of,
            shown(self.name).to_ascii_uppercase()
        ))
    }
}

/// The reply to `HELP`: lines of text.
pub(super) fn help(lines: &[&'static str]) -> Reply {
    Reply::Array(lines.iter().map(|line| Reply::Word(line)).collect())
}
