//! `LCS`: the longest common subsequence of two strings.
//!
//! Cost: the product of the lengths in time and, four bytes each, in memory; refused above [`CELLS_MAX`].

use crate::arguments::{Args, int, is};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "lcs",
    arity: Arity::AtLeast(2),
    group: Group::Strings,
    keys: KeySpec::TWO,
    syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]",
    summary: "The longest text that can be left over from both strings by striking out bytes; its length; or where it stands.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let text = |key| match view.string(key) {
        Err(Error::WrongType) => Err(Error::caller("The specified keys must contain string values")),
        value => value.map(Option::unwrap_or_default),
    };
    let (one, other) = (text(args[0])?, text(args[1])?);
    let options = Options::parse(&args[2..])?;
    let table = Table::new(&one, &other)?;
    if options.length {
        return Ok(Reply::Int(table.length()));
    }
    let matches = table.matches();
    if options.positions {
        return Ok(positions(&matches, table.length(), &options));
    }
    // Matches stand last first, the text reads first to last.
    let text: Vec<u8> =
        matches.iter().rev().flat_map(|found| &one[found.one..found.one + found.length]).copied().collect();
    Ok(Reply::Bulk(text.into()))
}

#[derive(Default)]
struct Options {
    length: bool,
    positions: bool,
    match_lengths: bool,
    match_length_min: i64,
}

impl Options {
    fn parse(mut words: Args<'_>) -> Result<Options, Error> {
        let mut options = Options::default();
        while let Some((word, rest)) = words.split_first() {
            words = rest;
            match word {
                _ if is(word, "len") => options.length = true,
                _ if is(word, "idx") => options.positions = true,
                _ if is(word, "withmatchlen") => options.match_lengths = true,
                _ if is(word, "minmatchlen") => {
                    let (length, rest) = rest.split_first().ok_or(Error::Syntax)?;
                    options.match_length_min = int(length)?.max(0);
                    words = rest;
                }
                _ => return Err(Error::Syntax),
            }
        }
        match options.length && options.positions {
            true => Err(Error::caller("If you want both the length and indexes, please just use IDX.")),
            false => Ok(options),
        }
    }
}

/// Bytes that follow each other in both strings.
struct Match {
    one: usize,
    other: usize,
    length: usize,
}

/// Lengths of the longest common subsequence of every two prefixes, the usual dynamic programme.
struct Table<'a> {
    one: &'a [u8],
    other: &'a [u8],
    lengths: Vec<u32>,
}

impl<'a> Table<'a> {
    fn new(one: &'a [u8], other: &'a [u8]) -> Result<Table<'a>, Error> {
        let cells = (one.len() + 1).saturating_mul(other.len() + 1);
        if cells > CELLS_MAX {
            return Err(Error::caller("the product of the strings' lengths is above what LCS may take"));
        }
        let mut table = Table { one, other, lengths: vec![0; cells] };
        for i in 1..=one.len() {
            for j in 1..=other.len() {
                let longest = match one[i - 1] == other[j - 1] {
                    true => table.at(i - 1, j - 1) + 1,
                    false => table.at(i - 1, j).max(table.at(i, j - 1)),
                };
                table.lengths[i * (other.len() + 1) + j] = longest;
            }
        }
        Ok(table)
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.lengths[i * (self.other.len() + 1) + j]
    }

    fn length(&self) -> i64 {
        i64::from(self.at(self.one.len(), self.other.len()))
    }

    /// Walks back through the table; the last match comes first.
    fn matches(&self) -> Vec<Match> {
        let (mut i, mut j) = (self.one.len(), self.other.len());
        let mut matches: Vec<Match> = Vec::new();
        while i > 0 && j > 0 {
            if self.one[i - 1] == self.other[j - 1] {
                (i, j) = (i - 1, j - 1);
                match matches.last_mut() {
                    Some(behind) if behind.one == i + 1 && behind.other == j + 1 => {
                        (behind.one, behind.other) = (i, j);
                        behind.length += 1;
                    }
                    _ => matches.push(Match { one: i, other: j, length: 1 }),
                }
            } else if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        matches
    }
}

fn positions(matches: &[Match], length: i64, options: &Options) -> Reply {
    let long = matches.iter().filter(|found| found.length as i64 >= options.match_length_min);
    let shown = long.map(|found| {
        let span = |first: usize| Reply::Array(vec![Reply::count(first), Reply::count(first + found.length - 1)]);
        let mut parts = vec![span(found.one), span(found.other)];
        if options.match_lengths {
            parts.push(Reply::count(found.length));
        }
        Reply::Array(parts)
    });
    Reply::Map(vec![(Reply::bulk("matches"), Reply::Array(shown.collect())), (Reply::bulk("len"), Reply::Int(length))])
}

/// 64 MB of table, about 4,000 by 4,000 bytes: tens of milliseconds.
const CELLS_MAX: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn the_text_its_length_and_its_places() {
        let mut paris = Replica::new(1);
        paris.run("MSET a ohmytext b mynewtext");
        assert_eq!(paris.run("LCS a b"), "mytext");
        assert_eq!(paris.run("LCS a b LEN"), "6");
        assert_eq!(paris.run("LCS a b IDX"), "{len=6 matches=[[[4 7] [5 8]] [[2 3] [0 1]]]}");
        assert_eq!(paris.run("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN"), "{len=6 matches=[[[4 7] [5 8] 4]]}");
        assert_eq!(paris.run("LCS a none"), "\"\"");
        assert_eq!(paris.run("LCS a b LEN IDX"), "ERR If you want both the length and indexes, please just use IDX.");
    }

    #[test]
    fn strings_too_long_for_the_table_are_refused() {
        let mut paris = Replica::new(1);
        paris.run(&format!("MSET a {} b {}", "x".repeat(5000), "y".repeat(5000)));
        assert_eq!(paris.run("LCS a b"), "ERR the product of the strings' lengths is above what LCS may take");
    }
}
