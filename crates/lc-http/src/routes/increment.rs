//! By how much a counter, a field or a score is to grow.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Number;

use crate::Problem;
use crate::asked::said;

/// Body of every `increment`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Increment {
    by: Number,
}

impl Default for Increment {
    fn default() -> Increment {
        Increment { by: Number::from(1) }
    }
}

impl Increment {
    /// The command for whole numbers or the one for others, and the amount as its argument.
    pub(super) fn choose(self, whole: &'static str, float: &'static str) -> Result<(&'static str, Bytes), Problem> {
        match (self.by.as_i64(), self.by.as_f64()) {
            (Some(by), _) => Ok((whole, said(by))),
            (None, Some(by)) if self.by.is_f64() => Ok((float, said(lc_db::float::format(by)))),
            _ => Err(Problem::invalid(format!("by {}: a whole number must fit 64 bits with its sign", self.by))),
        }
    }
}
