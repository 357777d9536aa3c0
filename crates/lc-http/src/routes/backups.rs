//! A backup of this region, taken away piece by piece.

use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;

use crate::asked::Asked;
use crate::errors::Kind;
use crate::parameter::{Parameter, ParameterKind};
use crate::route::{Body, Gives, Group, Route, Takes, Verb};
use crate::{BackupAnswer, BackupRequest, Problem};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Post,
        path: "/v1/backups",
        group: Group::Backups,
        summary: "Begins a backup of this region; one at a time. `lightcone backup` asks all of these.",
        query: &[],
        headers: &[],
        takes: Takes::MaybeJson("NewBackup"),
        gives: &[Gives { status: 201, meaning: "It has begun.", body: Body::Json("Backup") }],
        problems: &[Kind::CONFLICT],
        answer: |asked| Box::pin(begin(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/v1/backups/{backup}/rows",
        group: Group::Backups,
        summary: "Gives the next rows of a full backup, about 4 MiB.",
        query: &[AFTER_ROW],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Records; none after the last row.", body: Body::Bytes }],
        problems: &[Kind::NOT_FOUND, Kind::BUSY],
        answer: |asked| Box::pin(rows(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/backups/{backup}/end",
        group: Group::Backups,
        summary: "Says where the backup ends: at the records as they are when this is asked first.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Its end, durable here.", body: Body::Json("BackupEnd") }],
        problems: &[Kind::NOT_FOUND, Kind::CONFLICT],
        answer: |asked| Box::pin(end(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/v1/backups/{backup}/entries",
        group: Group::Backups,
        summary: "Gives the next journal entries up to the end, about 4 MiB.",
        query: &[AFTER_ENTRY],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Records; none after the last entry.", body: Body::Bytes }],
        problems: &[Kind::NOT_FOUND, Kind::CONFLICT, Kind::BUSY],
        answer: |asked| Box::pin(entries(asked)),
    },
    Route {
        verb: Verb::Delete,
        path: "/v1/backups/{backup}",
        group: Group::Backups,
        summary: "Lets go of what the node holds for a backup; it does so too when nobody asks for two minutes.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "It is over.", body: Body::Json("BackupOver") }],
        problems: &[Kind::NOT_FOUND],
        answer: |asked| Box::pin(finish(asked)),
    },
];

async fn begin(asked: &mut Asked) -> Result<Response, Problem> {
    let body = asked.json_or_default().await?;
    answer(asked, StatusCode::CREATED, BackupRequest::Begin { body }).await
}

async fn rows(asked: &mut Asked) -> Result<Response, Problem> {
    let after = asked.parameter("after").unwrap_or_default();
    let after = bytes_of(after).ok_or_else(|| Problem::invalid("after: give a row's key in hexadecimal digits"))?;
    let id = asked.place_text("backup")?;
    answer(asked, StatusCode::OK, BackupRequest::Rows { id, after }).await
}

async fn end(asked: &mut Asked) -> Result<Response, Problem> {
    let id = asked.place_text("backup")?;
    answer(asked, StatusCode::OK, BackupRequest::End { id }).await
}

async fn entries(asked: &mut Asked) -> Result<Response, Problem> {
    let from = asked.number("after", 0, u64::MAX)?.unwrap_or(0);
    let id = asked.place_text("backup")?;
    answer(asked, StatusCode::OK, BackupRequest::Entries { id, from }).await
}

async fn finish(asked: &mut Asked) -> Result<Response, Problem> {
    let id = asked.place_text("backup")?;
    answer(asked, StatusCode::OK, BackupRequest::Finish { id }).await
}

async fn answer(asked: &mut Asked, status: StatusCode, request: BackupRequest) -> Result<Response, Problem> {
    match asked.exchange.database()?.backup(request).await? {
        BackupAnswer::Json(value) => asked.answer(status, &value),
        BackupAnswer::Bytes(bytes) => asked.answer_octets(bytes),
    }
}

fn bytes_of(hex: &str) -> Option<Bytes> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

const AFTER_ROW: Parameter = Parameter {
    name: "after",
    kind: ParameterKind::Text,
    meaning: "The key of the last row that came, hexadecimal; without it from the first on.",
};
const AFTER_ENTRY: Parameter = Parameter {
    name: "after",
    kind: ParameterKind::Whole,
    meaning: "The place that the last entry's record names; without it from the first on.",
};
