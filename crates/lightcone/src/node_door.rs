//! A node's HTTP door as an operator's command knocks at it: one question, an answer or what to do next.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::Error;
use crate::cli::DoorOptions;
use crate::http_client::{Answer, Target};
use crate::shown::printable;

/// Where questions go.
pub struct NodeDoor {
    target: Target,
    option: &'static str,
}

/// The body of a good answer.
#[derive(Debug)]
pub struct Body {
    /// As it came; `{}` if it was empty.
    pub text: String,
    /// Who said it, for messages.
    from: String,
}

/// For a code of a problem, what the operator can do next.
pub type NextSteps<'a> = &'a [(&'a str, &'a str)];

impl NodeDoor {
    /// Reads the token's and the authority's files. Connects to nobody yet.
    pub fn open(options: &DoorOptions) -> Result<NodeDoor, Error> {
        let token = options.token_file.as_deref().map(first_line).transpose()?;
        NodeDoor::at("--at", &options.at, options.authority.as_deref(), token)
    }

    /// The door that a URL names; `option` says so in messages.
    pub fn at(
        option: &'static str,
        url: &str,
        authority: Option<&Path>,
        token: Option<String>,
    ) -> Result<NodeDoor, Error> {
        Ok(NodeDoor { target: Target::parse(option, url, authority, token)?, option })
    }

    /// The door's URL.
    pub fn shown(&self) -> String {
        self.target.shown()
    }

    /// Asks. A refusal becomes the node's own words and the next step for its code, from `next` or the usual one.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        next: NextSteps<'_>,
    ) -> Result<Body, Error> {
        let body = body.map(Value::to_string);
        let answer = self.target.ask(method, path, body.as_deref(), PATIENCE).await.map_err(|error| {
            Error::Asked(format!(
                "{error}\nis the node up? `lightcone fault list` shows a dev world's regions and ports; {} names another node",
                self.option
            ))
        })?;
        match answer.status {
            200..300 => Ok(Body {
                text: if answer.body.is_empty() { "{}".to_owned() } else { answer.body },
                from: self.shown(),
            }),
            _ => Err(refusal(&answer, next)),
        }
    }
}

impl NodeDoor {
    /// Reads bytes; a refusal is as with [`NodeDoor::ask`].
    pub async fn fetch(&self, path: &str, next: NextSteps<'_>) -> Result<Vec<u8>, Error> {
        match self.target.fetch(path, PATIENCE).await? {
            (200..300, bytes) => Ok(bytes),
            (status, bytes) => {
                Err(refusal(&Answer { status, body: String::from_utf8_lossy(&bytes).into_owned() }, next))
            }
        }
    }
}

impl Body {
    /// The answer as JSON.
    pub fn json(&self) -> Result<Value, Error> {
        serde_json::from_str(&self.text).map_err(|error| {
            Error::Asked(format!("{} did not answer with JSON ({error}); is it a Lightcone node?", self.from))
        })
    }

    /// The list that stands under a name in the answer.
    pub fn list(&self, name: &str) -> Result<Vec<Value>, Error> {
        match self.json()?.get_mut(name).map(Value::take) {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(Error::Asked(format!("{} did not answer with {name}; is it of another version?", self.from))),
        }
    }
}

/// The first line of a file, without its end.
pub fn first_line(path: &Path) -> Result<String, Error> {
    let text = fs::read_to_string(path).map_err(Error::system(format!("read {}", path.display())))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn refusal(answer: &Answer, next: NextSteps<'_>) -> Error {
    let problem: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let said = problem["detail"].as_str().or_else(|| problem["title"].as_str()).map(printable);
    let said = said.unwrap_or_else(|| format!("HTTP status {}", answer.status));
    let code = problem["code"].as_str().unwrap_or_default();
    let step = next.iter().chain(USUAL_NEXT_STEPS).find(|(known, _)| *known == code).map(|(_, step)| *step);
    Error::Asked(step.map_or_else(|| said.clone(), |step| format!("{said}\n{step}")))
}

/// What helps whatever was asked.
const USUAL_NEXT_STEPS: NextSteps<'static> = &[
    ("unauthorized", "pass --token-file FILE, a file whose first line is the node's token"),
    ("foreign_host", "name the node by its IP address, or set http.token_file in its node.toml"),
    ("no_such_table", "`lightcone table list` shows the tables that are declared"),
    ("conflict", "somebody else was first: look again, then decide; nothing was changed"),
    ("refused", "nothing was changed"),
    ("not_yet", "nothing was changed"),
    ("unavailable", "try again in a moment; `lightcone status` shows which regions this node reaches"),
    ("retry", "try again in a moment"),
    ("busy", "try again in a moment"),
    ("timeout", "it may still have been done: look before you ask again"),
    ("stopped", "ask another node with --at"),
];

/// A change of the catalogue may need a few elections at the longest distances.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::{Body, refusal};
    use crate::http_client::Answer;

    fn said(body: &str) -> String {
        let answer = Answer { status: 422, body: body.to_owned() };
        refusal(&answer, &[("refused", "try ack=majority"), ("mine", "do this")]).to_string()
    }

    #[test]
    fn a_refusal_is_the_nodes_word_and_the_next_step() {
        assert_eq!(said(r#"{"code":"mine","detail":"no"}"#), "no\ndo this");
        assert_eq!(
            said(r#"{"code":"refused","detail":"read=strong needs more"}"#),
            "read=strong needs more\ntry ack=majority"
        );
        assert_eq!(
            said(r#"{"code":"unauthorized","detail":"send the token"}"#),
            "send the token\npass --token-file FILE, a file whose first line is the node's token"
        );
        assert_eq!(said(r#"{"code":"new_one","title":"Strange"}"#), "Strange");
        assert_eq!(said("<html>"), "HTTP status 422");
    }

    #[test]
    fn an_answer_of_something_else_is_said_to_be_that() {
        let body = |text: &str| Body { text: text.to_owned(), from: "http://node".to_owned() };
        assert_eq!(body(r#"{"tables":[1]}"#).list("tables").expect("a list"), [1]);
        let error = body("[]").list("tables").expect_err("no list").to_string();
        assert_eq!(error, "http://node did not answer with tables; is it of another version?");
        assert!(body("<html>").json().expect_err("no JSON").to_string().contains("is it a Lightcone node?"));
    }
}
