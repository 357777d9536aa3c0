//! One command from its first look to its reply, for doors that take one at a time.

use bytes::Bytes;
use lc_db::{Engine, Error, Receipt, Reply, Session, Wish};

use crate::Connection;

/// What a request asks for beside its command.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Asked {
    /// The session's token.
    pub session: Option<String>,
    /// Instead of the table's dials.
    pub wish: Wish,
}

/// A command that was carried out.
#[derive(Clone, PartialEq, Debug)]
pub struct Answered {
    /// The reply; an error is one too.
    pub reply: Reply,
    /// A token for all that the session saw and wrote by now; `None` where no token can be made yet.
    pub session: Option<String>,
    /// What was delivered.
    pub receipt: Receipt,
}

impl Connection {
    /// Runs one command to its end: waits for other regions if it must, and until what it claims is durable. Dropped
    /// half-way, a write may have been made and nobody is told.
    pub async fn call(&mut self, words: &[Bytes], asked: Asked) -> Result<Answered, Error> {
        let mut session = Session::new(self.id());
        session.authenticated = true;
        session.wish = asked.wish;
        if let Some(token) = &asked.session {
            session.resume(self, token.as_bytes())?;
        }
        let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
        let mut reply = session.execute(&words, self);
        while matches!(reply, Reply::Error(Error::Later)) {
            self.settle().await;
            reply = session.execute(&words, self);
        }
        let (wait, hold) = (self.take_wait(), self.take_hold());
        if let Some(wait) = wait {
            self.node.clone().durable(wait).await?;
        }
        if let Some(hold) = hold
            && let Err(error) = self.held(hold).await
        {
            reply = Reply::Error(error);
        }
        self.count_commands(1);
        let receipt = self.receipt();
        // The token may name writes of others that are not durable yet.
        let token = session.token(self).ok();
        if let Some(wait) = self.take_wait() {
            self.node.clone().durable(wait).await?;
        }
        Ok(Answered { reply, session: token, receipt })
    }
}
