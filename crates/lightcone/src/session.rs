//! `lightcone session`: the key that signs session tokens.

use crate::cli::{SessionAction, SessionOptions};
use crate::node_door::{NextSteps, NodeDoor};
use crate::shown::shown;
use crate::{Error, terminal};

/// Asks the node and prints what it says.
pub async fn run(options: SessionOptions) -> Result<(), Error> {
    terminal::print(&said(&options).await?)
}

async fn said(options: &SessionOptions) -> Result<String, Error> {
    let door = NodeDoor::open(&options.door)?;
    let SessionAction::RotateKey = options.action;
    let body = door.ask("POST", "/v1/session-keys", None, NEXT_STEPS).await?;
    if options.door.json {
        return Ok(format!("{}\n", body.text));
    }
    let id = shown(&body.json()?["key_id"]);
    Ok(format!(
        "key {id} signs session tokens now. Those of the key before it hold until the next rotation; older ones do not.\n"
    ))
}

const NEXT_STEPS: NextSteps<'static> =
    &[("conflict", "somebody else rotated it just now; rotate again only if you want two rotations")];

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::said;
    use crate::cli::{Cli, Command, SessionOptions};
    use crate::test_door::{TestDoor, problem};

    fn options(at: &str) -> SessionOptions {
        match Cli::parse_from(["lightcone", "session", "rotate-key", "--at", at]).command {
            Command::Session(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_rotation_says_which_tokens_still_hold() {
        let door = TestDoor::open(|_, _| (201, json!({ "key_id": 2 }))).await;
        let text = said(&options(&door.url())).await.expect("rotated");
        assert_eq!(
            text,
            "key 2 signs session tokens now. Those of the key before it hold until the next rotation; older ones do not.\n"
        );
        assert_eq!(door.asked(), [("POST /v1/session-keys".to_owned(), Value::Null)]);
        let door = TestDoor::open(|_, _| problem(409, "conflict", "the session key is number 3, not 2")).await;
        let error = said(&options(&door.url())).await.expect_err("another was first").to_string();
        assert!(error.contains("number 3, not 2\nsomebody else rotated it just now"), "{error}");
    }
}
