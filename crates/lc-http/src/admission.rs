//! Who may ask: whoever knows the token; without one, only programs that meant this node.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Problem;
use crate::knocks::Knocks;

/// The token, if one is needed.
#[derive(Clone)]
pub(crate) struct Admission {
    token: Option<Arc<str>>,
    /// For paths whose body brings a credential of its own: who does not know the token may try it, now and then.
    knocks: Option<Arc<Knocks>>,
}

impl Admission {
    pub(crate) fn new(token: Option<&str>) -> Admission {
        Admission { token: token.map(Arc::from), knocks: None }
    }

    /// For what invited strangers ask.
    pub(crate) fn of_invited(token: Option<&str>) -> Admission {
        Admission { knocks: Some(Arc::new(Knocks::new())), ..Admission::new(token) }
    }

    fn check(&self, request: &Request) -> Result<(), Problem> {
        match (self.check_caller(request), &self.knocks) {
            (Err(_), Some(knocks)) if self.token.is_some() => check_stranger(request, knocks),
            (outcome, _) => outcome,
        }
    }

    fn check_caller(&self, request: &Request) -> Result<(), Problem> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        match &self.token {
            Some(token) => {
                let shown =
                    header(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
                if same(shown.as_bytes(), token.as_bytes()) { Ok(()) } else { Err(Problem::unauthorized()) }
            }
            // A web page can point a name of its own at 127.0.0.1, but it cannot make the browser leave that name out.
            None if !header(header::HOST).is_none_or(is_here) => Err(Problem::foreign_host()),
            // Nor can it keep a browser from naming the page's origin when it sends something.
            None if request.headers().contains_key(header::ORIGIN)
                && !header(header::ORIGIN).is_some_and(is_page_here) =>
            {
                Err(Problem::foreign_origin())
            }
            None => Ok(()),
        }
    }
}

/// No machine that joins is a web page.
fn check_stranger(request: &Request, knocks: &Knocks) -> Result<(), Problem> {
    if request.headers().contains_key(header::ORIGIN) {
        return Err(Problem::foreign_origin());
    }
    if knocks.take() { Ok(()) } else { Err(Problem::too_many_tries()) }
}

/// Lets a request through, or answers why not.
pub(crate) async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    match admission.check(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Whether a `Host` header names a machine by its address, or as `localhost`.
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _port)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _port)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Whether an `Origin` header names a page of a machine that is named so.
fn is_page_here(origin: &str) -> bool {
    origin.split_once("://").is_some_and(|(_, host)| is_here(host))
}

/// Compares in a time that depends on the lengths only, so that a token cannot be guessed byte by byte.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::{is_here, is_page_here, same};

    #[test]
    fn a_host_is_here_if_it_is_an_address_or_localhost() {
        for host in ["127.0.0.1:8001", "localhost", "LOCALHOST:1", "[::1]:8001", "10.0.0.1"] {
            assert!(is_here(host), "{host}");
        }
        for host in ["evil.example", "evil.example:8001", "127.0.0.1.evil.example", ""] {
            assert!(!is_here(host), "{host}");
        }
    }

    #[test]
    fn a_page_is_here_if_its_host_is() {
        assert!(is_page_here("http://localhost:3000") && is_page_here("https://[::1]"));
        assert!(!is_page_here("https://evil.example") && !is_page_here("null") && !is_page_here(""));
    }

    #[test]
    fn tokens_are_the_same_only_as_a_whole() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"ab", b"abc"));
        assert!(!same(b"", b"abc"));
    }
}
