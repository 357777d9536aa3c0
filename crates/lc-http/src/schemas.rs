//! The shapes of bodies, as JSON Schema. What the node makes and reads itself is described by what the door knows of it.

use serde_json::{Map, Value, json};

/// Every schema by the name that routes give it.
pub(crate) fn all() -> Map<String, Value> {
    [values(), records(), elements(), control(), stamps(), backups(), repairs(), operations()]
        .into_iter()
        .flat_map(entries)
        .collect()
}

fn entries(schemas: Value) -> Map<String, Value> {
    match schemas {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A reference to a schema.
pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

/// One that the door reads itself, and refuses with a member it does not know.
fn exact(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

fn list_of(item: Value) -> Value {
    json!({ "type": "array", "items": item })
}

fn next() -> Value {
    json!({ "type": ["string", "null"], "description": "Where the next page starts; null after the last." })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn values() -> Value {
    let base64 = json!({
        "type": "object",
        "required": ["base64"],
        "properties": { "base64": { "type": "string", "contentEncoding": "base64" } },
        "additionalProperties": false,
    });
    let named = json!({ "type": "object", "additionalProperties": reference("Value") });
    json!({
        "Value": {
            "description": "Bytes: a string where they are UTF-8, base64 where they are not.",
            "oneOf": [{ "type": "string" }, base64],
        },
        "SentValue": {
            "description": "Bytes, or a number, which stands for its digits.",
            "oneOf": [reference("Value"), { "type": "number" }],
        },
        "NamedValues": {
            "description": "Values by name; a list of pairs if a name is not UTF-8.",
            "oneOf": [named, list_of(list_of(reference("Value")))],
        },
        "Number": {
            "description": "A number; `inf` and `-inf`, for which JSON has none.",
            "oneOf": [{ "type": "number" }, { "type": "string" }],
        },
        "Problem": object(&["title", "status", "code", "detail"], json!({
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": text("Stable: programs match on it."),
            "detail": text("For people; may change."),
            "context": text("Of a record that is not as expected: its context now."),
        })),
        "Receipt": object(&["level", "read", "staleness_ms", "regions", "wan_bytes", "fallback", "waited_ms"], json!({
            "level": text("Who held the write before the answer; empty for a read."),
            "read": text("Where a read was answered; empty for a write."),
            "staleness_ms": { "type": ["integer", "null"], "description": "How old the answer can be; null: unknown." },
            "regions": list_of(json!({ "type": "string" })),
            "wan_bytes": { "type": "integer" },
            "fallback": { "type": ["string", "null"], "description": "What was done in place of what was asked." },
            "waited_ms": { "type": "integer" },
        })),
    })
}

fn records() -> Value {
    let ttl_ms = json!({ "type": "integer", "minimum": 1, "description": "Ends after so many milliseconds." });
    let sibling = object(
        &["value", "dot", "time_ms"],
        json!({ "value": reference("Value"), "dot": { "type": "string" }, "time_ms": { "type": "integer" } }),
    );
    json!({
        "Keys": object(&["keys", "next"], json!({ "keys": list_of(reference("Value")), "next": next() })),
        "Record": object(&["key", "type", "value", "ttl_ms"], json!({
            "key": reference("Value"),
            "type": { "enum": ["string", "hash", "set", "zset"] },
            "value": {
                "description": "A string's value; a hash's fields; a set's members; a sorted set's members with scores.",
                "oneOf": [
                    reference("Value"),
                    { "type": "object" },
                    { "type": "array" },
                ],
            },
            "context": text("Of a string: what If-Match takes to replace exactly what was read."),
            "siblings": {
                "type": "array",
                "items": sibling,
                "description": "Of a string with several concurrent values: all of them.",
            },
            "ttl_ms": { "type": ["integer", "null"], "description": "Milliseconds until it ends; null: it does not." },
        })),
        "NewValue": exact(&["value"], json!({ "value": reference("SentValue"), "ttl_ms": ttl_ms })),
        "Written": object(&["key", "context"], json!({
            "key": reference("Value"),
            "context": {
                "type": ["string", "null"],
                "description": "What If-Match takes to replace this; null if a concurrent value stands beside it: read first.",
            },
        })),
        "Resolved": object(&["key", "context", "values"], json!({
            "key": reference("Value"),
            "context": {
                "type": ["string", "null"],
                "description": "What If-Match takes to replace this; null if a concurrent value stands beside it: read first.",
            },
            "values": {
                "type": "integer",
                "description": "How many values stand now; above 1, somebody wrote meanwhile: read and resolve again.",
            },
        })),
        "Removed": object(&["removed"], json!({ "removed": { "type": "boolean" } })),
        "Increment": exact(&[], json!({ "by": { "type": "number", "default": 1 } })),
        "Sum": object(&["value"], json!({ "value": reference("Number") })),
        "Resolution": exact(
            &["context", "value"],
            json!({ "context": { "type": "string" }, "value": reference("SentValue") }),
        ),
        "Expiry": exact(&["ttl_ms"], json!({ "ttl_ms": { "type": "integer", "minimum": 0 } })),
    })
}

fn elements() -> Value {
    let scored = object(&["member", "score"], json!({ "member": reference("Value"), "score": reference("Number") }));
    json!({
        "Fields": object(&["fields", "next"], json!({ "fields": reference("NamedValues"), "next": next() })),
        "NewFields": { "type": "object", "minProperties": 1, "additionalProperties": reference("SentValue") },
        "AddedCount": object(&["added"], json!({ "added": { "type": "integer" } })),
        "Field": object(&["field", "value"], json!({ "field": reference("Value"), "value": reference("Value") })),
        "NewField": exact(&["value"], json!({ "value": reference("SentValue") })),
        "Added": object(&["added"], json!({ "added": { "type": "boolean" } })),
        "Members": object(&["members", "next"], json!({ "members": list_of(reference("Value")), "next": next() })),
        "Member": object(
            &["member", "present"],
            json!({ "member": reference("Value"), "present": { "type": "boolean" } }),
        ),
        "Scores": object(&["scores"], json!({ "scores": list_of(scored.clone()) })),
        "Score": scored,
        "NewScore": exact(&["score"], json!({ "score": reference("Number") })),
    })
}

fn dials() -> Value {
    json!({
        "writers": text("`any`, `home` or `consensus`: where a write may be decided."),
        "ack": text("`local`, `regions(2)`, `majority` or `all`: who holds a write before it is answered."),
        "merge": text("`typed`, `lww`, `siblings`, `max`, `min`, `union` or `json(items: union by sku, qty: max)`."),
        "placement": {
            "description": "`everywhere`, or a list of regions.",
            "oneOf": [{ "type": "string" }, list_of(json!({ "type": "string" }))],
        },
        "read": text("`eventual`, `causal`, `session`, `bounded(500ms)`, `quorum(2)` or `strong`."),
        "ack_timeout_ms": { "type": "integer", "description": "How long a write may wait for regions." },
        "wait_ms": { "type": "integer", "description": "How long a read may wait for what it needs." },
        "ledger_bytes_max": { "type": "integer", "description": "Conflicts kept: at most so many bytes." },
        "ledger_age_max_s": { "type": "integer", "description": "Conflicts kept: at most so old." },
    })
}

fn dials_and(more: Value) -> Value {
    Value::Object(entries(dials()).into_iter().chain(entries(more)).collect())
}

fn table() -> Value {
    let regions = |what: &str| json!({ "type": "array", "items": { "type": "string" }, "description": what });
    let counts = || json!({ "type": "object", "description": "What a change of merge would collapse: keys, values, increments, collections." });
    json!({
        "type": "object",
        "description": "Name, version and dials; shown alone, also what they mean and what was measured.",
        "properties": {
            "name": { "type": "string" },
            "version": { "type": "integer" },
            "policy": { "type": "object", "description": "Its dials. The placement is where it lies now." },
            "target": {
                "description": "The placement that it is on its way to; null: it lies where it should.",
                "oneOf": [{ "type": "string" }, list_of(json!({ "type": "string" })), { "type": "null" }],
            },
            "arriving": regions("Being given its records. They refuse its clients and count nowhere until they have them."),
            "leaving": regions("Will remove its records once those have arrived."),
            "not_held_in": regions("Never get its bytes."),
            "explanation": { "type": "object" },
            "measured": { "type": "object" },
            "would_collapse": counts(),
            "would_remove_copies_in": regions("Would remove its records at once."),
            "collapsed_keys": { "type": "integer" },
            "removes_copies_in": regions("Remove its records now."),
        },
    })
}

fn control() -> Value {
    let objects = || list_of(json!({ "type": "object" }));
    json!({
        "SessionKey": object(&["key_id"], json!({
            "key_id": { "type": "integer", "description": "The new key's place in the row of the cluster's keys: 1, 2, 3 and so on." },
        })),
        "Session": object(&["session"], json!({ "session": { "type": "string" } })),
        "Table": table(),
        "Tables": object(&["tables"], json!({ "tables": list_of(reference("Table")) })),
        "NewTable": object(&["name"], dials_and(json!({
            "name": { "type": "string" },
            "preset": text("Dials to start from: see GET /v1/presets."),
            "restored": {
                "type": "boolean",
                "description": "Its keys come from a backup and were written under these dials: they stay as they are.",
            },
        }))),
        "TableChange": object(&[], dials_and(json!({
            "expect_version": { "type": "integer", "description": "Only if the policy has this version." },
            "collapse": { "type": "boolean", "description": "Agrees that concurrent values become one." },
        }))),
        "History": object(&["history"], json!({ "history": objects() })),
        "Presets": object(&["presets"], json!({ "presets": objects() })),
        "Conflict": { "type": "object", "description": "Both writes: dots, values, times, the rule, the clocks' gap." },
        "Conflicts": object(&["conflicts"], json!({ "conflicts": list_of(reference("Conflict")), "next": next() })),
        "Region": { "type": "object", "description": "A region with its nodes." },
        "Regions": object(&["regions"], json!({ "regions": list_of(reference("Region")) })),
        "NewInvitation": object(&["region"], json!({
            "region": { "type": "string" },
            "expires_s": { "type": "integer", "description": "How long the token holds." },
        })),
        "Invitation": { "type": "object", "description": "The one-time token, the invitation's id, and until when it holds." },
        "KnownInvitation": object(&["id", "region", "node_id"], json!({
            "id": text("The beginning of the hash of its token."),
            "region": { "type": "string" },
            "node_id": { "type": "integer", "description": "The id that its node has, or would have." },
            "state": { "enum": ["open", "used", "expired", "taken_back"] },
            "invited_ms": { "type": "integer", "description": "When it was made, Unix ms." },
            "expires_ms": { "type": "integer", "description": "From when on it does not hold, Unix ms." },
            "closed_ms": { "type": ["integer", "null"], "description": "When it was used or taken back, Unix ms." },
        })),
        "Invitations": object(&["invitations"], json!({ "invitations": list_of(reference("KnownInvitation")) })),
        "Node": object(&["node_id", "region"], json!({
            "node_id": { "type": "integer" },
            "region": text("The region that it was in."),
        })),
        "Renewed": object(&["node_id", "region", "incarnation"], json!({
            "node_id": { "type": "integer" },
            "region": text("The region that it is in."),
            "incarnation": { "type": "integer", "description": "How often its data began anew." },
        })),
        "Join": { "type": "object", "description": "The one-time token and the node's request for a certificate." },
        "Joined": { "type": "object", "description": "The node's certificate, the authority and the regions to link to." },
    })
}

fn stamps() -> Value {
    json!({
        "Stamp": object(&["table", "key", "type", "stamp", "ahead_ms", "region"], json!({
            "table": { "type": "string" },
            "key": reference("Value"),
            "type": { "enum": ["string", "hash", "set", "zset"] },
            "field": { "description": "Of a field or member; null for a string.", "oneOf": [reference("Value"), { "type": "null" }] },
            "stamp": text("Unix ms and a count within it."),
            "at_ms": { "type": "integer", "description": "The same, Unix ms." },
            "ahead_ms": { "type": "integer", "description": "How far ahead of this node's clock." },
            "dot": text("The write."),
            "replica": text("Who made it."),
            "region": text("Where."),
        })),
        "Stamps": object(&["stamps", "now_ms", "node_ahead_ms"], json!({
            "stamps": list_of(reference("Stamp")),
            "next": next(),
            "now_ms": { "type": "integer", "description": "What this node takes for the time, Unix ms." },
            "node_ahead_ms": { "type": "integer", "description": "How far the latest stamp seen here is ahead; ordinary writes come after it." },
        })),
        "RewriteStamps": exact(&["keys"], json!({
            "keys": list_of(reference("SentValue")),
            "ahead_ms": { "type": "integer", "description": "Only values stamped more than this ahead (1000)." },
        })),
        "RewrittenStamps": object(&["rewritten", "hidden", "node_ahead_ms"], json!({
            "rewritten": { "type": "integer", "description": "Values." },
            "hidden": list_of(reference("Value")),
            "node_ahead_ms": { "type": "integer", "description": "As in Stamps." },
        })),
    })
}

fn backups() -> Value {
    json!({
        "NewBackup": object(&[], json!({
            "after": { "type": "object", "description": "The vector of an earlier backup's end: only entries that it lacks." },
            "placement_version": { "type": "integer", "description": "Of that backup; needed with `after`." },
        })),
        "Backup": object(&["id", "region", "kind", "begin"], json!({
            "id": text("To ask for its pieces with."),
            "cluster": { "type": "string" },
            "region": { "type": "string" },
            "node": { "type": "integer" },
            "kind": { "enum": ["full", "increment"] },
            "why_full": { "type": ["string", "null"], "description": "Why it is full although an increment was asked for." },
            "begin": { "type": "object", "description": "The records before the first entry: vector, digest, keys, hlc." },
            "placement_version": { "type": "integer" },
            "tables": list_of(json!({ "type": "object" })),
            "store_bytes": { "type": "integer", "description": "About how much there is." },
        })),
        "BackupEnd": object(&["end"], json!({ "end": { "type": "object", "description": "vector, digest, keys, hlc." } })),
        "BackupOver": object(&["id"], json!({ "id": { "type": "string" } })),
    })
}

fn repairs() -> Value {
    let differences = |what: &str| {
        json!({
            "type": ["object", "null"],
            "description": format!("{what}: stretches, records (keys), rows, tables (keys by table), examples (some of the keys), more (not all of it was looked at)."),
        })
    };
    json!({
        "NewRepair": exact(&[], json!({
            "from": text("The region whose records are taken; without it, the nearest that has every table of this one."),
        })),
        "Repairs": object(&["repair", "filling", "diverged"], json!({
            "repair": {
                "type": ["object", "null"],
                "description": "The repair that goes on, or the last one since the node started.",
                "required": ["from", "state", "seconds", "bytes", "replaced"],
                "properties": {
                    "from": { "type": "string" },
                    "state": { "enum": ["replacing", "counting", "done", "given_up"] },
                    "why": { "type": ["string", "null"], "description": "Why it was given up; what was replaced until then stays." },
                    "seconds": { "type": "integer" },
                    "bytes": { "type": "integer", "description": "Of records that came." },
                    "replaced": differences("What differed and was replaced"),
                },
            },
            "filling": { "type": ["object", "null"], "description": "How far it is: as in /status." },
            "diverged": list_of(object(&["region", "node_id", "at", "found"], json!({
                "region": { "type": "string" },
                "node_id": { "type": "integer" },
                "at": text("What both had applied when it was noticed."),
                "found": differences("What differs; null while it is not known"),
            }))),
        })),
    })
}

fn operations() -> Value {
    let link = exact(
        &["peer"],
        json!({
            "peer": { "type": "integer", "description": "The peer's node id." },
            "one_way_ms": { "type": "number", "minimum": 0, "maximum": 60000 },
            "jitter_ms": { "type": "number", "minimum": 0, "maximum": 60000 },
            "loss_percent": { "type": "number", "minimum": 0, "maximum": 100 },
            "bandwidth_bytes_per_s": { "type": ["integer", "null"], "minimum": 1000 },
            "cut": { "type": "boolean" },
        }),
    );
    json!({
        "Health": object(&["status"], json!({ "status": { "const": "ok" } })),
        "Status": { "type": "object" },
        "Emulation": exact(&["links"], json!({ "links": list_of(link) })),
        "Description": { "type": "object" },
    })
}
