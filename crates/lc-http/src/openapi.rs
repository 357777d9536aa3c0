//! The door's description as OpenAPI 3.1, made from the same list as its router.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::asked::OCTETS;
use crate::errors::Kind;
use crate::exchange::{RECEIPT, SESSION};
use crate::parameter::{Parameter, ParameterKind, places};
use crate::route::{Body, Group, Guard, Route, Takes};
use crate::schemas::{self, reference};

/// The whole description of these routes.
pub(crate) fn description(routes: impl Iterator<Item = &'static Route>) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let path = paths.entry(route.path).or_insert_with(|| json!({ "parameters": path_parameters(route.path) }));
        path[route.verb.name().to_ascii_lowercase()] = operation(route);
    }
    let tags: Value = Group::ALL.iter().map(|group| json!({ "name": group.title() })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lightcone",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Records, tables and regions of a Lightcone cluster, as one node sees them.",
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "headers": {
                "Session": { "description": "The session's token now.", "schema": { "type": "string" } },
                "Receipt": {
                    "description": "What the request got, as one line of JSON.",
                    "content": { "application/json": { "schema": reference("Receipt") } },
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let query = route.query.iter().map(|parameter| described(parameter, "query"));
    // OpenAPI leaves Accept to the media types of the answers.
    let headers = route.headers.iter().filter(|header| header.name != "Accept");
    let parameters: Vec<Value> = query.chain(headers.map(|parameter| described(parameter, "header"))).collect();
    let mut operation = json!({
        "operationId": operation_id(route),
        "tags": [route.group.title()],
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses(route),
    });
    if let Some(body) = request_body(route.takes) {
        operation["requestBody"] = body;
    }
    if route.guard() != Guard::Token {
        operation["security"] = json!([]);
    }
    operation
}

/// A name for programs that are made from the description: `getTablesRecordsByTable`.
fn operation_id(route: &Route) -> String {
    let mut id = route.verb.name().to_ascii_lowercase();
    let is_name = |part: &&str| !part.is_empty() && *part != "v1";
    for part in route.path.split('/').filter(is_name) {
        let (prefix, name) = match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(place) => ("By", place),
            None => ("", part.trim_end_matches(".json")),
        };
        id.push_str(prefix);
        id.push_str(&name[..1].to_ascii_uppercase());
        id.push_str(&name[1..]);
    }
    id
}

fn path_parameters(path: &'static str) -> Value {
    let described = |(name, _)| {
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": place_meaning(name),
            "schema": { "type": "string" },
        })
    };
    places(path, path).map(described).collect()
}

/// What stands at a place of a path.
pub(crate) fn place_meaning(name: &str) -> &'static str {
    match name {
        "table" => "The table's name; `default` has the keys of no declared table.",
        "key" => "The key within the table, percent-encoded; any bytes.",
        "field" => "The field's name, percent-encoded; any bytes.",
        "member" => "The member, percent-encoded; any bytes.",
        "node" => "The node's id, a number.",
        "invitation" => "The invitation's id, 16 hexadecimal digits; not its token.",
        "id" => "The conflict's id.",
        "region" => "The region's name.",
        "backup" => "The backup's id.",
        _ => "",
    }
}

fn described(parameter: &Parameter, place: &str) -> Value {
    let schema = match parameter.kind {
        ParameterKind::Text => json!({ "type": "string" }),
        ParameterKind::Whole => json!({ "type": "integer" }),
        ParameterKind::Flag => json!({ "type": "boolean" }),
    };
    let mut described =
        json!({ "name": parameter.name, "in": place, "description": parameter.meaning, "schema": schema });
    if parameter.kind == ParameterKind::Flag {
        // `?raw` alone is enough.
        described["allowEmptyValue"] = json!(true);
    }
    described
}

fn json_of(schema: &str) -> Value {
    json!({ "schema": reference(schema) })
}

fn request_body(takes: Takes) -> Option<Value> {
    let (required, content) = match takes {
        Takes::Nothing => return None,
        Takes::Json(schema) => (true, json!({ "application/json": json_of(schema) })),
        Takes::MaybeJson(schema) => (false, json!({ "application/json": json_of(schema) })),
        Takes::JsonOrBytes(schema) => (true, json!({ "application/json": json_of(schema), OCTETS: {} })),
    };
    Some(json!({ "required": required, "content": content }))
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    for gives in route.gives {
        let mut response = json!({ "description": gives.meaning });
        match gives.body {
            Body::Nothing => {}
            Body::Json(schema) => response["content"] = json!({ "application/json": json_of(schema) }),
            Body::JsonOrBytes(schema) => {
                response["content"] = json!({ "application/json": json_of(schema), OCTETS: {} });
            }
            Body::Bytes => response["content"] = json!({ OCTETS: {} }),
            Body::Text => response["content"] = json!({ "text/plain": { "schema": { "type": "string" } } }),
        }
        if route.group.of_records() {
            response["headers"] = record_headers();
        }
        responses.insert(gives.status.to_string(), response);
    }
    let mut problems: Vec<(StatusCode, Vec<&Kind>)> = Vec::new();
    for kind in route.every_problem() {
        match problems.last_mut() {
            Some((status, kinds)) if *status == kind.status => kinds.push(kind),
            _ => problems.push((kind.status, vec![kind])),
        }
    }
    responses.extend(problems.iter().map(|(status, kinds)| (status.as_str().to_owned(), problem(kinds))));
    Value::Object(responses)
}

fn record_headers() -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    json!({ SESSION.as_str(): reference("Session"), RECEIPT.as_str(): reference("Receipt") })
}

/// Problems of one status.
fn problem(kinds: &[&Kind]) -> Value {
    let meanings: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}", kind.code, kind.meaning)).collect();
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code).collect();
    let schema = json!({ "allOf": [reference("Problem"), { "properties": { "code": { "enum": codes } } }] });
    json!({
        "description": meanings.join("\n\n"),
        "content": { "application/problem+json": { "schema": schema } },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{description, operation_id, place_meaning};
    use crate::parameter::places;
    use crate::routes;

    /// Every `$ref` anywhere in a value.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_route_is_described_once() {
        let description = description(routes::all());
        let mut ids = BTreeSet::new();
        for route in routes::all() {
            let operation = &description["paths"][route.path][route.verb.name().to_ascii_lowercase()];
            assert_eq!(operation["summary"], route.summary, "{} {}", route.verb.name(), route.path);
            assert!(ids.insert(operation_id(route)), "{} twice", operation_id(route));
            for (place, _) in places(route.path, route.path) {
                assert_ne!(place_meaning(place), "", "{place} has no meaning");
            }
        }
        let described = description["paths"].as_object().expect("paths").values();
        let methods: usize = described.map(|path| path.as_object().expect("operations").len() - 1).sum();
        assert_eq!(methods, routes::all().count());
    }

    #[test]
    fn every_schema_that_is_named_is_there_and_none_is_left_over() {
        let description = description(routes::all());
        let (mut named, mut there) = (BTreeSet::new(), BTreeSet::new());
        references(&description, &mut named);
        for kind in ["schemas", "headers"] {
            let components = description["components"][kind].as_object().expect("components");
            there.extend(components.keys().map(|name| format!("#/components/{kind}/{name}")));
        }
        assert_eq!(named, there);
    }
}
