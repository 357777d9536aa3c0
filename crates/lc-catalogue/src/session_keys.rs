//! What signs session tokens: the key in use, and the one before it.

use serde::{Deserialize, Serialize};

use crate::Secret;

/// One key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionKey {
    /// Its place in the row of the cluster's keys: 1, 2, 3…
    pub id: u64,
    /// Signs. Never shown.
    pub secret: Secret,
    /// Since when, Unix ms by the clock of who proposed it.
    pub since_ms: u64,
}

/// The key that signs now, and the one that it replaced, whose tokens still count until the next rotation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionKeys {
    current: SessionKey,
    previous: Option<SessionKey>,
}

impl SessionKeys {
    /// The cluster's first key.
    pub(crate) fn first(secret: Secret, at_ms: u64) -> SessionKeys {
        SessionKeys { current: SessionKey { id: 1, secret, since_ms: at_ms }, previous: None }
    }

    /// The key that signs.
    pub fn current(&self) -> &SessionKey {
        &self.current
    }

    /// Every key whose tokens count, the one that signs first.
    pub fn all(&self) -> impl Iterator<Item = &SessionKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// Puts a key in the place of the current one; the one before that no longer counts.
    pub(crate) fn rotate(&mut self, secret: Secret, at_ms: u64) {
        let next = SessionKey { id: self.current.id.saturating_add(1), secret, since_ms: at_ms };
        self.previous = Some(std::mem::replace(&mut self.current, next));
    }
}

#[cfg(test)]
mod tests {
    use super::SessionKeys;
    use crate::Secret;

    #[test]
    fn the_last_two_keys_count() {
        let mut keys = SessionKeys::first(Secret::new([1; 32]), 10);
        keys.rotate(Secret::new([2; 32]), 20);
        keys.rotate(Secret::new([3; 32]), 30);
        let shown: Vec<(u64, u8, u64)> = keys.all().map(|key| (key.id, key.secret.bytes()[0], key.since_ms)).collect();
        assert_eq!(shown, [(3, 3, 30), (2, 2, 20)]);
        assert!(!format!("{keys:?}").contains("3, 3"));
    }
}
