//! Regions of the cluster: who is in, and how one joins or leaves.

use axum::http::StatusCode;
use axum::response::Response;

use super::tables::{control, relay};
use crate::asked::Asked;
use crate::errors::Kind;
use crate::route::{Body, Gives, Group, Route, Takes, Verb};
use crate::{ControlRequest, Problem};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/v1/regions",
        group: Group::Regions,
        summary: "Lists regions with their nodes.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Every region.", body: Body::Json("Regions") }],
        problems: &[],
        answer: |asked| Box::pin(list(asked)),
    },
    Route {
        verb: Verb::Delete,
        path: "/v1/regions/{region}",
        group: Group::Regions,
        summary: "Takes a region out of the cluster.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "It is out.", body: Body::Json("Region") }],
        problems: &[Kind::NOT_FOUND, Kind::CONFLICT, Kind::REFUSED, Kind::NOT_YET],
        answer: |asked| Box::pin(remove(asked)),
    },
    Route {
        verb: Verb::Delete,
        path: "/v1/nodes/{node}",
        group: Group::Regions,
        summary: "Takes one node out of the cluster, for good. With its last node a region goes.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "It is out, or was before.", body: Body::Json("Node") }],
        problems: &[Kind::NOT_FOUND, Kind::CONFLICT, Kind::REFUSED, Kind::NOT_YET],
        answer: |asked| Box::pin(remove_node(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/nodes/{node}/renewals",
        group: Group::Regions,
        summary: "Lets a node's data begin anew: the next data directory that registers under its id has it, as another incarnation.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "What it is from now on.", body: Body::Json("Renewed") }],
        problems: &[Kind::NOT_FOUND, Kind::CONFLICT, Kind::REFUSED],
        answer: |asked| Box::pin(renew_node(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/v1/invitations",
        group: Group::Regions,
        summary: "Lists invitations that are open, and those used, run out or taken back that are remembered. Tokens are never shown again.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives {
            status: 200,
            meaning: "Every invitation, the newest first.",
            body: Body::Json("Invitations"),
        }],
        problems: &[],
        answer: |asked| Box::pin(invitations(asked)),
    },
    Route {
        verb: Verb::Delete,
        path: "/v1/invitations/{invitation}",
        group: Group::Regions,
        summary: "Takes an invitation back that nobody used: its token lets nobody in.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "It does not hold any more.", body: Body::Json("KnownInvitation") }],
        problems: &[Kind::NOT_FOUND, Kind::CONFLICT],
        answer: |asked| Box::pin(uninvite(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/invitations",
        group: Group::Regions,
        summary: "Makes a token with which one node of a new region can join, once.",
        query: &[],
        headers: &[],
        takes: Takes::Json("NewInvitation"),
        gives: &[Gives { status: 201, meaning: "The token; it is shown this once.", body: Body::Json("Invitation") }],
        problems: &[Kind::ALREADY_EXISTS, Kind::CONFLICT, Kind::REFUSED, Kind::NOT_OFFERED, Kind::NOT_YET],
        answer: |asked| Box::pin(invite(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/join",
        group: Group::Regions,
        summary: "Takes a node in that shows such a token; `lightcone join` asks this. Needs no other token; at most 16 KiB.",
        query: &[],
        headers: &[],
        takes: Takes::Json("Join"),
        gives: &[Gives {
            status: 200,
            meaning: "What the node needs, its certificate too.",
            body: Body::Json("Joined"),
        }],
        problems: &[
            Kind::BAD_TOKEN,
            Kind::NOT_FOUND,
            Kind::ALREADY_EXISTS,
            Kind::CONFLICT,
            Kind::REFUSED,
            Kind::NOT_OFFERED,
            Kind::NOT_YET,
        ],
        answer: |asked| Box::pin(join(asked)),
    },
];

async fn list(asked: &mut Asked) -> Result<Response, Problem> {
    relay(asked, ControlRequest::Regions).await
}

async fn remove(asked: &mut Asked) -> Result<Response, Problem> {
    relay(asked, ControlRequest::RemoveRegion { name: asked.place_text("region")? }).await
}

async fn invite(asked: &mut Asked) -> Result<Response, Problem> {
    let body = asked.order_json().await?;
    let invitation = control(asked, ControlRequest::Invite { body }).await?;
    asked.answer(StatusCode::CREATED, &invitation)
}

async fn join(asked: &mut Asked) -> Result<Response, Problem> {
    let body = asked.stranger_json().await?;
    relay(asked, ControlRequest::Join { body }).await
}

async fn remove_node(asked: &mut Asked) -> Result<Response, Problem> {
    let text = asked.place_text("node")?;
    let node = text.parse().map_err(|_| Problem::invalid("a node's id is a number: see GET /v1/regions"))?;
    relay(asked, ControlRequest::RemoveNode { node }).await
}

async fn renew_node(asked: &mut Asked) -> Result<Response, Problem> {
    let text = asked.place_text("node")?;
    let node = text.parse().map_err(|_| Problem::invalid("a node's id is a number: see GET /v1/regions"))?;
    relay(asked, ControlRequest::RenewNode { node }).await
}

async fn invitations(asked: &mut Asked) -> Result<Response, Problem> {
    relay(asked, ControlRequest::Invitations).await
}

async fn uninvite(asked: &mut Asked) -> Result<Response, Problem> {
    relay(asked, ControlRequest::Uninvite { id: asked.place_text("invitation")? }).await
}
