//! What stands in an address besides its fixed words, or in a header: the places of a path, and parameters.

/// A parameter of the query, or a header of the request.
pub(crate) struct Parameter {
    pub name: &'static str,
    pub kind: ParameterKind,
    pub meaning: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ParameterKind {
    Text,
    Whole,
    Flag,
}

/// The places of a route's path, each with what stands there in a path that the router matched with it.
pub(crate) fn places<'a>(pattern: &'static str, path: &'a str) -> impl Iterator<Item = (&'static str, &'a str)> {
    pattern.split('/').zip(path.split('/')).filter_map(|(name, text)| {
        let name = name.strip_prefix('{')?.strip_suffix('}')?;
        Some((name, text))
    })
}
