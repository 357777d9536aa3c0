//! `lightcone region`: who the cluster's regions are, and who may become one.

use serde_json::{Value, json};

use crate::cli::{DoorOptions, RegionAction, RegionOptions};
use crate::http_client::segment;
use crate::node_door::{Body, NextSteps, NodeDoor};
use crate::shown::{UNKNOWN, shown};
use crate::text_table::TextTable;
use crate::{Error, terminal, utc};

/// Asks the node and prints what it says.
pub async fn run(options: RegionOptions) -> Result<(), Error> {
    terminal::print(&said(options, terminal::bold()).await?)
}

async fn said(options: RegionOptions, bold: bool) -> Result<String, Error> {
    let door = NodeDoor::open(&options.door)?;
    let (body, text) = match &options.action {
        RegionAction::List => {
            let body = door.ask("GET", "/v1/regions", None, &[]).await?;
            let text = list(&body.list("regions")?, bold);
            (body, text)
        }
        RegionAction::Invite { region, expires_s } => {
            let body = invite(&door, region, *expires_s).await?;
            let text = invitation(&body.json()?, region, &options.door)?;
            (body, text)
        }
        RegionAction::Invitations => {
            let body = door.ask("GET", "/v1/invitations", None, &[]).await?;
            let text = invitations(&body.list("invitations")?, bold);
            (body, text)
        }
        RegionAction::Uninvite { invitation } => {
            let path = format!("/v1/invitations/{}", segment(invitation));
            let body = door.ask("DELETE", &path, None, NEXT_STEPS_INVITATION).await?;
            (body, format!("invitation {invitation} is taken back: its token lets nobody in\n"))
        }
        RegionAction::RemoveNode { node } => {
            let body = door.ask("DELETE", &format!("/v1/nodes/{node}"), None, NEXT_STEPS).await?;
            let region = shown(&body.json()?["region"]);
            (body, format!("node {node} in {region} is no longer part of the cluster; stop it\n"))
        }
        RegionAction::RenewNode { node } => {
            let body = door.ask("POST", &format!("/v1/nodes/{node}/renewals"), None, NEXT_STEPS).await?;
            let incarnation = shown(&body.json()?["incarnation"]);
            (
                body,
                format!(
                    "node {node} begins anew as incarnation {incarnation}; start it on the data directory that it shall have\n"
                ),
            )
        }
        RegionAction::Remove { region } => {
            let path = format!("/v1/regions/{}", segment(region));
            let body = door.ask("DELETE", &path, None, NEXT_STEPS).await?;
            (body, format!("region {region} is no longer part of the cluster; stop its nodes\n"))
        }
    };
    Ok(if options.door.json { format!("{}\n", body.text) } else { text })
}

async fn invite(door: &NodeDoor, region: &str, expires_s: Option<u64>) -> Result<Body, Error> {
    let mut wish = json!({ "region": region });
    if let Some(expires_s) = expires_s {
        wish["expires_s"] = json!(expires_s);
    }
    door.ask("POST", "/v1/invitations", Some(&wish), NEXT_STEPS).await
}

fn list(regions: &[Value], bold: bool) -> String {
    let mut table = TextTable::new(["region", "node", "link address", "state", "stands at", "jurisdictions"]);
    for region in regions {
        let nodes = region["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let nobody = [Value::Null];
        for node in if nodes.is_empty() { &nobody } else { nodes } {
            let of_node = |name: &str| if node.is_null() { "-".to_owned() } else { shown(&node[name]) };
            let state = [&node["state"], &region["state"]].into_iter().find(|state| !state.is_null());
            table.row([
                shown(&region["name"]),
                of_node("node_id"),
                of_node("address"),
                state.map_or("-".to_owned(), shown),
                place(region),
                jurisdictions(region),
            ]);
        }
    }
    table.text(bold)
}

fn place(region: &Value) -> String {
    let degrees = |value: f64, ends: [&str; 2]| format!("{:.1} {}", value.abs(), ends[usize::from(value < 0.0)]);
    match (region["latitude"].as_f64(), region["longitude"].as_f64()) {
        (Some(north), Some(east)) => format!("{}, {}", degrees(north, ["N", "S"]), degrees(east, ["E", "W"])),
        _ => UNKNOWN.to_owned(),
    }
}

fn jurisdictions(region: &Value) -> String {
    match region["jurisdictions"].as_array() {
        Some(names) if !names.is_empty() => shown(&region["jurisdictions"]),
        _ => UNKNOWN.to_owned(),
    }
}

fn invitations(invitations: &[Value], bold: bool) -> String {
    let mut table = TextTable::new(["invitation", "region", "node", "state", "made (UTC)", "ends (UTC)"]);
    for invitation in invitations {
        let time = |name: &str| invitation[name].as_u64().map_or(UNKNOWN.to_owned(), utc::utc);
        table.row([
            shown(&invitation["id"]),
            shown(&invitation["region"]),
            shown(&invitation["node_id"]),
            shown(&invitation["state"]).replace('_', " "),
            time("invited_ms"),
            time("expires_ms"),
        ]);
    }
    table.text(bold)
}

/// The token, and the command that uses it.
fn invitation(answer: &Value, region: &str, door: &DoorOptions) -> Result<String, Error> {
    let token = answer["token"]
        .as_str()
        .ok_or_else(|| Error::Asked("the node answered without a token; is it of another version?".to_owned()))?;
    let good_for = answer["expires_s"].as_u64().map_or(String::new(), |s| format!(" within {}", duration(s)));
    let authority = match &door.authority {
        Some(file) => format!(" --authority {}", file.display()),
        None => String::new(),
    };
    let undo = answer["id"].as_str().map_or(String::new(), |id| {
        format!("\nTo take it back before it is used:\n\n    lightcone region uninvite {id}\n")
    });
    Ok(format!(
        "One node can join as region {region}, once{good_for}. Whoever has the token can: keep it secret.\n\n    {token}\n\n\
         On the new machine:\n\n    lightcone join --to {}{authority} --token {token} --data DIR --link-address IP:PORT\n\n\
         DIR: where its configuration and data will lie. IP:PORT: where the other nodes reach it (UDP).\n{undo}",
        door.at
    ))
}

fn duration(s: u64) -> String {
    match s {
        0..120 => format!("{s} s"),
        120..7200 => format!("{} min", s / 60),
        7200..172_800 => format!("{} h", s / 3600),
        _ => format!("{} days", s / 86_400),
    }
}

const NEXT_STEPS_INVITATION: NextSteps<'static> = &[
    ("not_found", "`lightcone region invitations` shows those that are remembered"),
    ("conflict", "`lightcone region list` shows the node"),
];
const NEXT_STEPS: NextSteps<'static> = &[
    ("not_found", "`lightcone region list` shows the regions and nodes"),
    ("already_exists", "`lightcone region list` shows the regions; remove it first, or choose another name"),
    ("not_offered", "ask a node that has the authority's key ([link] authority_key_file) with --at"),
    ("conflict", "`lightcone table list` shows which tables count on the region"),
];

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::{Error, invitation, list, said};
    use crate::cli::{Cli, Command, RegionOptions};
    use crate::test_door::{TestDoor, problem};

    fn options(words: &[&str]) -> RegionOptions {
        match Cli::parse_from(["lightcone", "region"].iter().chain(words)).command {
            Command::Region(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn regions_stand_in_a_table_with_what_is_known_of_them() {
        let regions = [
            json!({ "name": "us-east", "latitude": 37.37, "longitude": -79.8, "jurisdictions": ["us"],
                    "nodes": [{ "node_id": 1, "address": "10.0.0.1:7379" }, { "node_id": 4, "address": "10.0.0.4:7379" }] }),
            json!({ "name": "oslo", "latitude": null, "longitude": null, "jurisdictions": [], "nodes": [] }),
        ];
        let expected = "\
region   node  link address   state  stands at       jurisdictions
us-east     1  10.0.0.1:7379      -  37.4 N, 79.8 W  us
us-east     4  10.0.0.4:7379      -  37.4 N, 79.8 W  us
oslo        -  -                  -  unknown         unknown
";
        assert_eq!(list(&regions, false), expected);
    }

    async fn answer(words: &[&str], status: u16, body: Value) -> (Result<String, Error>, String) {
        let door = TestDoor::open(move |_, _| (status, body.clone())).await;
        let said = said(options(&[words, &["--at", &door.url()]].concat()), false).await;
        (said, door.asked()[0].0.clone())
    }

    #[tokio::test]
    async fn invitations_are_listed_and_taken_back_by_their_ids() {
        let listed = json!({ "invitations": [
            { "id": "0123456789abcdef", "region": "oslo", "node_id": 4, "state": "taken_back", "invited_ms": 0, "expires_ms": 86_400_000 },
        ] });
        let (text, asked) = answer(&["invitations"], 200, listed).await;
        let expected = "\
invitation        region  node  state       made (UTC)               ends (UTC)
0123456789abcdef  oslo       4  taken back  1970-01-01 00:00:00.000  1970-01-02 00:00:00.000
";
        assert_eq!((text.expect("a list").as_str(), asked.as_str()), (expected, "GET /v1/invitations"));
        let (text, asked) = answer(&["uninvite", "0123456789abcdef"], 200, json!({})).await;
        assert_eq!(text.expect("done"), "invitation 0123456789abcdef is taken back: its token lets nobody in\n");
        assert_eq!(asked, "DELETE /v1/invitations/0123456789abcdef");
        let (status, used) = problem(409, "conflict", "it was used, by who is now node 4");
        let (error, _) = answer(&["uninvite", "ab/cd"], status, used).await;
        let error = error.expect_err("used").to_string();
        assert_eq!(error, "it was used, by who is now node 4\n`lightcone region list` shows the node");
    }

    #[tokio::test]
    async fn one_node_is_taken_out_by_its_id() {
        let (text, asked) = answer(&["remove-node", "4"], 200, json!({ "node_id": 4, "region": "oslo" })).await;
        assert_eq!(text.expect("done"), "node 4 in oslo is no longer part of the cluster; stop it\n");
        assert_eq!(asked, "DELETE /v1/nodes/4");
        assert!(Cli::try_parse_from(["lightcone", "region", "remove-node", "oslo"]).is_err());
        let renewed = json!({ "node_id": 4, "region": "oslo", "incarnation": 1 });
        let (text, asked) = answer(&["renew-node", "4"], 200, renewed).await;
        assert!(text.expect("renewed").contains("incarnation 1"));
        assert_eq!(asked, "POST /v1/nodes/4/renewals");
    }

    #[test]
    fn an_invitation_comes_with_the_command_that_uses_it() {
        let options = options(&["invite", "oslo", "--at", "https://10.0.0.1:8001", "--authority", "ca.pem"]);
        let answer = json!({ "token": "01ab", "expires_s": 3600 });
        let text = invitation(&answer, "oslo", &options.door).expect("a token");
        assert!(text.starts_with("One node can join as region oslo, once within 60 min."), "{text}");
        let command = "    lightcone join --to https://10.0.0.1:8001 --authority ca.pem --token 01ab --data DIR --link-address IP:PORT\n";
        assert!(text.contains(command), "{text}");
        assert!(!text.contains("uninvite"), "{text}");
        let answer = json!({ "token": "01ab", "id": "77" });
        let text = invitation(&answer, "oslo", &options.door).expect("a token");
        assert!(text.ends_with("\n    lightcone region uninvite 77\n"), "{text}");
        assert!(invitation(&json!({}), "oslo", &options.door).is_err());
    }
}
