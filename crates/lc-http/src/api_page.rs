//! The page about the HTTP door, made from the same list as its router.

use std::fmt::Write;

use serde_json::Value;

use crate::errors::Kind;
use crate::parameter::{ParameterKind, places};
use crate::route::{Body, Group, Route, Takes};
use crate::{openapi, routes, schemas};

/// Renders `docs/http-api.md`.
pub fn api_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for group in Group::ALL {
        let _ = write!(page, "\n## {}\n", group.title());
        for route in routes::all().filter(|route| route.group == group) {
            push_route(&mut page, route);
        }
    }
    page.push_str(BODIES);
    for (name, schema) in schemas::all() {
        push_row(&mut page, &[&format!("`{name}`"), &members(&schema)]);
    }
    page.push_str(PROBLEMS);
    for kind in Kind::ALL {
        let again = kind.retry_after_s.map_or("", |_| "yes");
        push_row(&mut page, &[&format!("`{}`", kind.code), kind.status.as_str(), again, kind.meaning]);
    }
    page
}

fn push_route(page: &mut String, route: &Route) {
    // Writing to a String cannot fail.
    let _ = write!(page, "\n### `{} {}`\n\n{}\n\n", route.verb.name(), route.path, route.summary);
    push_row(page, &["part", "name", "meaning"]);
    push_row(page, &["---"; 3]);
    for (place, _) in places(route.path, route.path) {
        push_row(page, &["path", &format!("`{place}`"), openapi::place_meaning(place)]);
    }
    for parameter in route.query {
        let name = match parameter.kind {
            ParameterKind::Flag => format!("`?{}`", parameter.name),
            ParameterKind::Text | ParameterKind::Whole => format!("`?{}=`", parameter.name),
        };
        push_row(page, &["query", &name, parameter.meaning]);
    }
    for header in route.headers {
        push_row(page, &["header", &format!("`{}`", header.name), header.meaning]);
    }
    if let Some((name, meaning)) = body(route.takes) {
        push_row(page, &["body", &name, meaning]);
    }
    for gives in route.gives {
        push_row(page, &["answer", &answer(gives.status, gives.body), gives.meaning]);
    }
    if !route.problems.is_empty() {
        let codes: Vec<String> = route.problems.iter().map(|kind| format!("`{}`", kind.code)).collect();
        push_row(page, &["problems", &codes.join(", "), "Beside those that every path may answer."]);
    }
}

fn body(takes: Takes) -> Option<(String, &'static str)> {
    match takes {
        Takes::Nothing => None,
        Takes::Json(schema) => Some((format!("`{schema}`"), "JSON.")),
        Takes::MaybeJson(schema) => Some((format!("`{schema}`"), "JSON, or nothing.")),
        Takes::JsonOrBytes(schema) => Some((
            format!("`{schema}`"),
            "JSON; or, with `Content-Type: application/octet-stream`, the value's bytes themselves.",
        )),
    }
}

fn answer(status: u16, body: Body) -> String {
    match body {
        Body::Nothing => format!("{status}"),
        Body::Json(schema) => format!("{status} `{schema}`"),
        Body::JsonOrBytes(schema) => format!("{status} `{schema}` or bytes"),
        Body::Bytes => format!("{status} bytes"),
        Body::Text => format!("{status} text"),
    }
}

/// What stands in a body: its members, or what it is if it has none of its own.
fn members(schema: &Value) -> String {
    let Some(properties) = schema["properties"].as_object() else { return kind(schema) };
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let member = |(name, schema): (&String, &Value)| {
        let optional = if required.contains(&name.as_str()) { "" } else { ", optional" };
        format!("`{name}` ({}{optional})", kind(schema))
    };
    properties.iter().map(member).collect::<Vec<_>>().join(", ")
}

/// What a schema takes, in a few words.
fn kind(schema: &Value) -> String {
    let any_of = |kinds: &Value| kinds.as_array().into_iter().flatten().map(kind).collect::<Vec<_>>().join(" or ");
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("`{name}`");
    }
    match &schema["type"] {
        _ if schema["oneOf"].is_array() => any_of(&schema["oneOf"]),
        _ if schema["enum"].is_array() => {
            let words: Vec<&str> = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            format!("`{}`", words.join("`, `"))
        }
        _ if schema["const"].is_string() => format!("`{}`", schema["const"].as_str().unwrap_or_default()),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        kind if kind == "array" && schema["items"].is_object() => format!("list of {}", self::kind(&schema["items"])),
        kind if kind == "object" && schema["additionalProperties"].is_object() => {
            format!("an object, each member {}", self::kind(&schema["additionalProperties"]))
        }
        kind if kind == "object" && schema["properties"].is_object() => format!("{{{}}}", members(schema)),
        kind => match (kind.as_str(), schema["description"].as_str()) {
            (Some("object"), Some(description)) => description.trim_end_matches('.').to_owned(),
            (kind, _) => kind.unwrap_or("any JSON").to_owned(),
        },
    }
}

fn push_row(page: &mut String, cells: &[&str]) {
    for cell in cells {
        page.push('|');
        if !cell.is_empty() {
            // A bar would start another cell, even between backticks.
            let _ = write!(page, " {} ", cell.replace('|', "\\|"));
        }
    }
    page.push_str("|\n");
}

const INTRODUCTION: &str = "\
# The HTTP door

Records, tables and regions as JSON over HTTP/1.1, beside the RESP door and with the same meaning. The node describes
itself as OpenAPI 3.1 at `/v1/openapi.json`; names of bodies below are those of its schemas.

    curl -X PUT localhost:8001/v1/tables/default/records/greeting -H 'content-type: application/json' -d '{\"value\": \"hello\"}'
    curl localhost:8002/v1/tables/default/records/greeting

**Keys.** `/v1/tables/users/records/42` is the key `users:42` of Redis clients. The table `default` has the keys of no
declared table, as they are. Keys, fields and members are percent-encoded and may be any bytes; `/` is `%2F`.

**Values.** Bytes are a JSON string where they are UTF-8, `{\"base64\": \"...\"}` where they are not. In a body a number stands
for its digits. A JSON document is a value like any other: send and read its text with `application/octet-stream`.

**Contexts.** A string's `context`, also its `ETag`, names exactly the values that were read. `If-Match` with it writes only if
the record still is what was read; if not, the answer is `changed` with the context of now. Where a table keeps concurrent
values, `siblings` lists them, and `resolve` replaces those that a context names.

**Sessions.** Every answer about records carries `Lightcone-Session`. Send the last one with the next request, to any node of
any region, and it sees at least what you have seen and written.

**Per request.** `Lightcone-Ack` and `Lightcone-Read` take the place of the table's `ack` and `read` for one request. A read of
a record is a few commands one after another, each with these. `Lightcone-Receipt` in the answer says what was delivered:
who held the write, where it was read, how old the answer can be, which regions took part, bytes between regions, what
was done in place of what was asked.

**Who may ask.** With `http.token_file`, whoever sends `Authorization: Bearer TOKEN`; `/health` needs none, and for
`/v1/join` an invitation is enough; callers without the node's token may try that ten times at once and then once a second, all together. Without that file, programs
that name the node by `localhost` or an address, and no web pages of other machines.

**Bounds.** A value has at most 8 MiB, a body of JSON 16 MiB. A collection is answered whole up to 10,000 elements; larger ones a
page at a time. Bodies on their way share 256 MiB of memory, and one that finds none left is answered `busy`.

This page is generated from the list in `crates/lc-http/src/routes.rs`, and a test keeps it equal;
`UPDATE=1 cargo nextest run -p lc-http the_page` writes it anew.
";

const BODIES: &str = "
## Bodies

| body | members |
| --- | --- |
";

const PROBLEMS: &str = "
## Problems

A refused request answers `application/problem+json`: `code` stays, `detail` is for people. Where the same request may succeed
in a moment, `Retry-After` says when.

| code | status | again | meaning |
| --- | --- | --- | --- |
";

#[cfg(test)]
mod tests {
    use super::api_page;

    #[test]
    fn the_page_in_the_docs_is_the_one_that_the_routes_give() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/http-api.md");
        let page = api_page();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &page).expect("write the page");
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == page, "docs/http-api.md is not what the routes give; UPDATE=1 writes it anew");
    }
}
