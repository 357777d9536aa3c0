//! Standard output: for people if it is a terminal.

use std::io::{self, ErrorKind, IsTerminal, Write};

use crate::Error;

/// Whether headings may be bold: only on a terminal whose owner did not say otherwise (NO_COLOR).
pub fn bold() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes text. Whoever read it may have seen enough and gone, as `head` does: that ends the program, and is no failure.
pub fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.map_err(Error::system("write to standard output")),
    }
}
