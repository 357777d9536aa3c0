//! `lightcone join`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// `lightcone join`.
#[derive(Args, Debug)]
pub struct JoinOptions {
    /// The HTTP door of a node that admits others, as `lightcone region invite` printed it.
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// The one-time token; or '@' and a file whose first line it is, so that it does not show among processes.
    #[arg(long, value_name = "TOKEN")]
    pub token: String,
    /// Where the node's configuration, certificate, key and data will lie; must not hold anything yet.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// UDP address where the other nodes reach this one.
    #[arg(long, value_name = "IP:PORT")]
    pub link_address: SocketAddr,
    /// Where to listen for them, if that differs (behind address translation).
    #[arg(long, value_name = "IP:PORT")]
    pub link_listen: Option<SocketAddr>,
    /// Where the node takes Redis clients; as in `lightcone config example` without it.
    #[arg(long, value_name = "IP:PORT")]
    pub resp: Option<SocketAddr>,
    /// Where the node answers HTTP; as in `lightcone config example` without it.
    #[arg(long, value_name = "IP:PORT")]
    pub http: Option<SocketAddr>,
    /// Where the region stands, degrees north; with --longitude.
    #[arg(long, value_name = "DEGREES", requires = "longitude", allow_negative_numbers = true)]
    pub latitude: Option<f64>,
    /// Where the region stands, degrees east; with --latitude.
    #[arg(long, value_name = "DEGREES", requires = "latitude", allow_negative_numbers = true)]
    pub longitude: Option<f64>,
    /// Whose law the region stands under, names between commas.
    #[arg(long, value_name = "NAMES")]
    pub jurisdictions: Option<String>,
    /// As JSON, for programs.
    #[arg(long)]
    pub json: bool,
    /// For https: the certificate, PEM, that signed the door's.
    #[arg(long, value_name = "FILE")]
    pub authority: Option<PathBuf>,
    /// A file whose first line is the door's own token, if it asks for one.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}
