//! Every route, in one list, and the router made from it.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;

use crate::Problem;
use crate::admission::{Admission, admit};
use crate::asked::Behind;
use crate::route::{self, Guard, Route};

mod backups;
mod conflicts;
mod fields;
mod increment;
mod members;
mod operations;
mod parameters;
mod records;
mod regions;
mod repairs;
mod scores;
mod sessions;
mod stamps;
mod tables;

/// Every route, in the order of the description.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    let lists: [&[Route]; 12] = [
        records::ROUTES,
        fields::ROUTES,
        members::ROUTES,
        scores::ROUTES,
        sessions::ROUTES,
        tables::ROUTES,
        conflicts::ROUTES,
        stamps::ROUTES,
        regions::ROUTES,
        backups::ROUTES,
        repairs::ROUTES,
        operations::ROUTES,
    ];
    lists.into_iter().flatten()
}

/// All paths, behind admission; those that need a database only if there is one.
pub(crate) fn router(behind: Behind, token: Option<&str>) -> Router {
    let behind = Arc::new(behind);
    let offered = |route: &&Route| behind.database.is_some() || !route.needs_database();
    let behind_guard = |guard: Guard| {
        let routes = all().filter(offered).filter(move |route| route.guard() == guard);
        route::router(routes, &behind).method_not_allowed_fallback(|| async { Problem::method() })
    };
    let guarded = behind_guard(Guard::Token)
        .fallback(|| async { Problem::not_found("no such path: GET /v1/openapi.json describes all") });
    let invited =
        behind_guard(Guard::Invitation).layer(middleware::from_fn_with_state(Admission::of_invited(token), admit));
    behind_guard(Guard::Nothing).merge(invited).merge(guard(guarded, token))
}

/// Lets only those in who know the token, or without one those on purpose here; bounds bodies of extractors.
pub fn guard(router: Router, token: Option<&str>) -> Router {
    router
        .method_not_allowed_fallback(|| async { Problem::method() })
        .layer(middleware::from_fn_with_state(Admission::new(token), admit))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// An order is a name or two.
const BODY_BYTES_MAX: usize = 64 * 1024;
