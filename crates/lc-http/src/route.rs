//! What a route is: how it is asked, what it answers, and how a request gets to its handler.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};

use crate::asked::{Asked, Behind};
use crate::errors::Kind;
use crate::parameter::Parameter;
use crate::{BoxFuture, Problem};

/// One way to ask. Router, description and page are made from these, so they cannot drift apart.
pub(crate) struct Route {
    pub verb: Verb,
    /// With places such as `{table}`.
    pub path: &'static str,
    pub group: Group,
    /// What it does, as a sentence.
    pub summary: &'static str,
    pub query: &'static [Parameter],
    pub headers: &'static [Parameter],
    pub takes: Takes,
    pub gives: &'static [Gives],
    /// Kinds of problems beside those that every route of its group may answer.
    pub problems: &'static [Kind],
    pub answer: Answer,
}

/// What a caller must show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Guard {
    /// A load balancer knows no token, and whether a node is up is no secret.
    Nothing,
    /// The body brings a token of its own, which is worth as much.
    Invitation,
    /// The node's token, if it has one.
    Token,
}

/// Carries a request out.
pub(crate) type Answer = for<'a> fn(&'a mut Asked) -> BoxFuture<'a, Result<Response, Problem>>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Get,
    Put,
    Post,
    Patch,
    Delete,
}

/// Which part of the description a route stands in, and what stands behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Group {
    Operations,
    Records,
    Fields,
    Members,
    Scores,
    Sessions,
    Tables,
    Conflicts,
    Regions,
    Backups,
    Repairs,
}

/// The body that a route wants. Names are of schemas in schemas.rs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Takes {
    Nothing,
    Json(&'static str),
    /// Nothing will do as well.
    MaybeJson(&'static str),
    /// JSON, or the bytes of the value themselves.
    JsonOrBytes(&'static str),
}

/// An answer that is no problem.
pub(crate) struct Gives {
    pub status: u16,
    pub meaning: &'static str,
    pub body: Body,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Body {
    Nothing,
    Json(&'static str),
    JsonOrBytes(&'static str),
    Bytes,
    Text,
}

impl Verb {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Put => "PUT",
            Verb::Post => "POST",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Verb::Get => MethodFilter::GET,
            Verb::Put => MethodFilter::PUT,
            Verb::Post => MethodFilter::POST,
            Verb::Patch => MethodFilter::PATCH,
            Verb::Delete => MethodFilter::DELETE,
        }
    }
}

impl Group {
    pub(crate) const ALL: [Group; 11] = [
        Group::Records,
        Group::Fields,
        Group::Members,
        Group::Scores,
        Group::Sessions,
        Group::Tables,
        Group::Conflicts,
        Group::Regions,
        Group::Backups,
        Group::Repairs,
        Group::Operations,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Group::Operations => "Operations",
            Group::Records => "Records",
            Group::Fields => "Fields of a hash",
            Group::Members => "Members of a set",
            Group::Scores => "Scores of a sorted set",
            Group::Sessions => "Sessions",
            Group::Tables => "Tables",
            Group::Conflicts => "Conflicts",
            Group::Regions => "Regions",
            Group::Backups => "Backups",
            Group::Repairs => "Repairs",
        }
    }

    /// Whether its routes run commands on records: they answer a session's token and a receipt.
    pub(crate) fn of_records(self) -> bool {
        matches!(self, Group::Records | Group::Fields | Group::Members | Group::Scores)
    }
}

impl Route {
    /// What its caller must show.
    pub(crate) fn guard(&self) -> Guard {
        match self.path {
            "/health" => Guard::Nothing,
            "/v1/join" => Guard::Invitation,
            _ => Guard::Token,
        }
    }

    /// Whether a database must stand behind.
    pub(crate) fn needs_database(&self) -> bool {
        self.group != Group::Operations
    }

    /// Every kind of problem that it may answer, in the order of the list of kinds.
    pub(crate) fn every_problem(&self) -> impl Iterator<Item = &'static Kind> {
        let guarded: &[Kind] = match self.guard() {
            Guard::Nothing => &[],
            Guard::Invitation => &[Kind::FOREIGN_HOST, Kind::FOREIGN_ORIGIN, Kind::TOO_MANY_TRIES],
            Guard::Token => &[Kind::UNAUTHORIZED, Kind::FOREIGN_HOST, Kind::FOREIGN_ORIGIN],
        };
        let any: &[Kind] = &[Kind::INVALID, Kind::TIMEOUT];
        let database: &[Kind] = &[Kind::UNAVAILABLE, Kind::INTERNAL, Kind::STOPPED, Kind::RETRY, Kind::BUSY];
        let records: &[Kind] = &[
            Kind::NO_SUCH_TABLE,
            Kind::TOO_LARGE,
            Kind::BAD_TOKEN,
            Kind::NOT_OFFERED,
            Kind::NOT_YET,
            Kind::NO_QUORUM,
            Kind::STALE,
            Kind::BEHIND,
            Kind::NO_ACK,
        ];
        let body: &[Kind] = &[Kind::NOT_JSON, Kind::TOO_LARGE, Kind::BUSY];
        let none: &[Kind] = &[];
        let lists = [
            guarded,
            any,
            if self.needs_database() { database } else { none },
            if self.group.of_records() { records } else { none },
            if self.takes == Takes::Nothing { none } else { body },
            self.problems,
        ];
        Kind::ALL.iter().filter(move |kind| lists.iter().any(|list| list.contains(kind)))
    }

    fn patience(&self) -> Duration {
        if self.needs_database() { DATABASE_MAX } else { MEMORY_MAX }
    }
}

/// The router of some routes.
pub(crate) fn router(routes: impl Iterator<Item = &'static Route>, behind: &Arc<Behind>) -> Router {
    let mut router = Router::new();
    for route in routes {
        let handler = move |State(behind): State<Arc<Behind>>, request: Request| handle(route, behind, request);
        router = router.route(route.path, on(route.verb.filter(), handler));
    }
    router.with_state(behind.clone())
}

async fn handle(route: &'static Route, behind: Arc<Behind>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut asked = match Asked::new((route.path, route.query), behind, parts, body) {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    let outcome = match tokio::time::timeout(route.patience(), (route.answer)(&mut asked)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Problem::slow()),
    };
    let mut response = outcome.into_response();
    asked.exchange.sign(response.headers_mut());
    response
}

/// Answered from memory; longer means that something hangs.
const MEMORY_MAX: Duration = Duration::from_secs(10);
/// Beyond every bound of the node's own on waiting for other regions; longer means that something hangs.
const DATABASE_MAX: Duration = Duration::from_secs(60);
