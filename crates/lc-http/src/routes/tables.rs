//! Tables and their policies.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::parameters::DRY_RUN;
use crate::asked::Asked;
use crate::errors::Kind;
use crate::route::{Body, Gives, Group, Route, Takes, Verb};
use crate::{ControlRequest, Problem};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/v1/tables",
        group: Group::Tables,
        summary: "Lists tables with their policies.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Every table.", body: Body::Json("Tables") }],
        problems: &[],
        answer: |asked| Box::pin(list(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/tables",
        group: Group::Tables,
        summary: "Declares a table: a preset, or dials, or a preset with some dials of your own.",
        query: &[DRY_RUN],
        headers: &[],
        takes: Takes::Json("NewTable"),
        gives: &[
            Gives { status: 201, meaning: "It is declared in every region in reach.", body: Body::Json("Table") },
            Gives { status: 200, meaning: "What it would be (dry run).", body: Body::Json("Table") },
        ],
        problems: &[Kind::ALREADY_EXISTS, Kind::REFUSED, Kind::NOT_YET],
        answer: |asked| Box::pin(create(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/v1/tables/{table}",
        group: Group::Tables,
        summary: "Shows a table: its policy, what that promises, costs and excludes, and what was measured.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "The table.", body: Body::Json("Table") }],
        problems: &[Kind::NO_SUCH_TABLE],
        answer: |asked| Box::pin(show(asked)),
    },
    Route {
        verb: Verb::Patch,
        path: "/v1/tables/{table}",
        group: Group::Tables,
        summary: "Changes dials of a table. Writes on their way end under the policy they began with; regions that begin to hold it are named as arriving until they have its records.",
        query: &[DRY_RUN],
        headers: &[],
        takes: Takes::Json("TableChange"),
        gives: &[Gives {
            status: 200,
            meaning: "The table; of a dry run, what it would be and how many records would be collapsed.",
            body: Body::Json("Table"),
        }],
        problems: &[Kind::NO_SUCH_TABLE, Kind::CONFLICT, Kind::REFUSED, Kind::NOT_YET],
        answer: |asked| Box::pin(alter(asked)),
    },
    Route {
        verb: Verb::Delete,
        path: "/v1/tables/{table}",
        group: Group::Tables,
        summary: "Takes a table's declaration away. Its records stay, and belong to `default` from then on, which must lie where it does.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "It is gone.", body: Body::Json("Table") }],
        problems: &[Kind::NO_SUCH_TABLE, Kind::CONFLICT, Kind::REFUSED],
        answer: |asked| Box::pin(remove(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/v1/tables/{table}/history",
        group: Group::Tables,
        summary: "Lists the versions of a table's policy.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Every version.", body: Body::Json("History") }],
        problems: &[Kind::NO_SUCH_TABLE],
        answer: |asked| Box::pin(history(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/v1/presets",
        group: Group::Tables,
        summary: "Lists presets, each with its dials.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Every preset.", body: Body::Json("Presets") }],
        problems: &[],
        answer: |asked| Box::pin(presets(asked)),
    },
];

/// Asks the catalogue. It goes on if the client hangs up: a change that is half agreed on must not be dropped.
pub(super) async fn control(asked: &mut Asked, request: ControlRequest) -> Result<Value, Problem> {
    let database = asked.exchange.database()?;
    let work = tokio::spawn(async move { database.control(request).await });
    work.await.map_err(|error| Problem::new(Kind::INTERNAL, format!("the request's task failed: {error}")))?
}

/// Asks the catalogue and answers what it says.
pub(super) async fn relay(asked: &mut Asked, request: ControlRequest) -> Result<Response, Problem> {
    let answer = control(asked, request).await?;
    asked.answer(StatusCode::OK, &answer)
}

async fn list(asked: &mut Asked) -> Result<Response, Problem> {
    relay(asked, ControlRequest::ListTables).await
}

async fn create(asked: &mut Asked) -> Result<Response, Problem> {
    let (body, dry_run) = (asked.order_json().await?, asked.flag("dry_run")?);
    let table = control(asked, ControlRequest::CreateTable { body, dry_run }).await?;
    asked.answer(if dry_run { StatusCode::OK } else { StatusCode::CREATED }, &table)
}

async fn show(asked: &mut Asked) -> Result<Response, Problem> {
    relay(asked, ControlRequest::ShowTable { name: asked.place_text("table")? }).await
}

async fn alter(asked: &mut Asked) -> Result<Response, Problem> {
    let (name, dry_run) = (asked.place_text("table")?, asked.flag("dry_run")?);
    let body = asked.order_json().await?;
    relay(asked, ControlRequest::AlterTable { name, body, dry_run }).await
}

async fn remove(asked: &mut Asked) -> Result<Response, Problem> {
    relay(asked, ControlRequest::DropTable { name: asked.place_text("table")? }).await
}

async fn history(asked: &mut Asked) -> Result<Response, Problem> {
    relay(asked, ControlRequest::History { name: asked.place_text("table")? }).await
}

async fn presets(asked: &mut Asked) -> Result<Response, Problem> {
    relay(asked, ControlRequest::Presets).await
}
