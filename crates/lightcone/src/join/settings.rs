//! The node.toml of a node that joined. It is checked as the server will check it, before and after the cluster answers.

use std::fmt::Write;
use std::net::SocketAddr;

use super::answer::Admitted;
use crate::Error;
use crate::cli::JoinOptions;
use crate::config;

/// What the command line says about the node.
pub struct Settings {
    link: SocketAddr,
    advertise: SocketAddr,
    resp: Option<SocketAddr>,
    http: Option<SocketAddr>,
    place: Option<(f64, f64)>,
    jurisdictions: Option<String>,
}

impl Settings {
    /// Takes them from the command line, if a node could run with them.
    pub fn of(options: &JoinOptions) -> Result<Settings, Error> {
        let address = options.link_address;
        if address.port() == 0 || address.ip().is_unspecified() {
            return Err(Error::Usage(format!(
                "--link-address {address}: other nodes cannot reach that; give this machine's IP address and a port, \
                 and --link-listen to listen elsewhere"
            )));
        }
        let settings = Settings {
            link: options.link_listen.unwrap_or(address),
            advertise: address,
            resp: options.resp,
            http: options.http,
            place: options.latitude.zip(options.longitude),
            jurisdictions: options.jurisdictions.clone(),
        };
        settings.checked(&settings.text("node_id = 1\nregion = \"here\"\ncluster = \"here\"\n"))?;
        Ok(settings)
    }

    /// The whole file, for a node that was admitted by the one at `from`.
    pub fn node_toml(&self, admitted: &Admitted, from: &str) -> Result<String, Error> {
        // A name that is no label could smuggle other settings in; the check below would come too late.
        for name in
            [&admitted.region, &admitted.cluster].into_iter().chain(admitted.peers.iter().map(|peer| &peer.region))
        {
            if !config::is_label(name) {
                return Err(Error::Asked(format!("{from} answered with {name:?}, which is no name")));
            }
        }
        let mut text = format!("# Written by `lightcone join`; admitted by {from}.\n");
        text.push_str(&self.text(&format!(
            "node_id = {}\nregion = \"{}\"\ncluster = \"{}\"\n",
            admitted.node_id, admitted.region, admitted.cluster
        )));
        for peer in &admitted.peers {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "\n[[peers]]\nnode_id = {}\nregion = \"{}\"\naddress = \"{}\"\n",
                peer.node_id, peer.region, peer.address
            );
        }
        self.checked(&text)?;
        Ok(text)
    }

    fn text(&self, who: &str) -> String {
        let mut text = format!("{who}data_dir = \"data\"\njoined = true\n");
        if let Some((latitude, longitude)) = self.place {
            let _ = write!(text, "latitude = {latitude:?}\nlongitude = {longitude:?}\n");
        }
        if let Some(names) = &self.jurisdictions {
            let _ = writeln!(text, "jurisdictions = {}", toml::Value::from(names.as_str()));
        }
        for (section, listen) in [("resp", self.resp), ("http", self.http)] {
            if let Some(address) = listen {
                let _ = write!(text, "\n[{section}]\nlisten = \"{address}\"\n");
            }
        }
        let _ = write!(
            text,
            "\n[link]\nlisten = \"{}\"\nadvertise = \"{}\"\ncertificate_file = \"node.pem\"\nkey_file = \"node.key\"\nauthority_file = \"authority.pem\"\n",
            self.link, self.advertise
        );
        text
    }

    fn checked(&self, text: &str) -> Result<(), Error> {
        config::parse("node.toml".as_ref(), text)?;
        Ok(())
    }
}
