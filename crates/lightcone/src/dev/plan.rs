//! What a dev world is made of, decided before anything starts: regions, ports, files.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use super::faults::{Faults, Weather};
use super::places::Place;
use crate::Error;
use crate::cli::DevOptions;
use crate::text_table::TextTable;

/// Regions, ports and directories of a dev world.
#[derive(Debug)]
pub struct Plan {
    /// In the order asked for; node ids count from 1.
    pub members: Vec<Member>,
    /// Where everything lies.
    pub directory: PathBuf,
}

/// One region: one node, one process.
#[derive(Debug)]
pub struct Member {
    /// Its name and place.
    pub place: Place,
    /// Its node's id.
    pub node_id: u16,
    /// Port of its RESP door.
    pub resp_port: u16,
    /// Port of its HTTP door.
    pub http_port: u16,
    /// UDP port of its links.
    pub link_port: u16,
    /// Where its files lie.
    pub directory: PathBuf,
}

/// Ports that nobody else can take while the nodes are not started yet.
#[derive(Debug)]
pub struct Claimed {
    control: TcpListener,
    _doors: Vec<TcpListener>,
}

impl Claimed {
    /// Lets all ports go but the one where the supervisor takes orders.
    pub fn keep_control(self) -> TcpListener {
        self.control
    }
}

impl Plan {
    /// Checks regions and ports and claims the latter. Nothing is written.
    pub fn make(options: &DevOptions, directory: &Path) -> Result<(Plan, Claimed), Error> {
        let places = places(&options.regions)?;
        let claimed = claim(options, &places)?;
        let links = free_udp_ports(places.len())?;
        let members = places.into_iter().zip(links).zip(0u16..).map(|((place, link_port), at)| Member {
            node_id: at + 1,
            resp_port: options.resp_base + at,
            http_port: options.http_base + at,
            link_port,
            directory: directory.join(&place.region),
            place,
        });
        Ok((Plan { members: members.collect(), directory: directory.to_owned() }, claimed))
    }

    /// Where a region of this name stands among the members.
    pub fn position(&self, region: &str) -> Option<usize> {
        self.members.iter().position(|member| member.place.region == region)
    }

    /// Names of all regions.
    pub fn regions(&self) -> Vec<&str> {
        self.members.iter().map(|member| member.place.region.as_str()).collect()
    }

    /// Links with nothing wrong: measured round trips, scaled.
    pub fn faults(&self, options: &DevOptions) -> Result<Faults, Error> {
        let mut rtt_ms = BTreeMap::new();
        for (b, to) in self.members.iter().enumerate() {
            for (a, from) in self.members[..b].iter().enumerate() {
                rtt_ms.insert((a, b), from.place.rtt_ms(&to.place)? * options.rtt_scale);
            }
        }
        Ok(Faults::new(self.members.len(), weather(options)?, rtt_ms))
    }

    /// The configuration of the node at `at`, with its links as they are now: a cut holds from the first packet.
    pub fn node_toml(&self, at: usize, faults: &Faults) -> String {
        let own = &self.members[at];
        let mut text = format!(
            "# Written by `lightcone dev` at every start of this node.\n\
             node_id = {}\nregion = \"{}\"\nlatitude = {:?}\nlongitude = {:?}\ncluster = \"dev\"\ndata_dir = \"data\"\nemulation_allowed = true\n\n\
             [resp]\nlisten = \"127.0.0.1:{}\"\n\n[http]\nlisten = \"127.0.0.1:{}\"\n\n\
             [link]\nlisten = \"127.0.0.1:{}\"\ncertificate_file = \"node.pem\"\nkey_file = \"node.key\"\nauthority_file = \"../ca.pem\"\n\
             authority_key_file = \"../ca.key\"\n",
            own.node_id,
            own.place.region,
            own.place.latitude,
            own.place.longitude,
            own.resp_port,
            own.http_port,
            own.link_port,
        );
        for (to, peer) in self.members.iter().enumerate().filter(|(to, _)| *to != at) {
            let link = faults.emulation(at, to);
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "\n[[peers]]\nnode_id = {}\nregion = \"{}\"\naddress = \"127.0.0.1:{}\"\n\n\
                 [[emulation]]\npeer = {}\none_way_ms = {:?}\njitter_ms = {:?}\nloss_percent = {:?}\ncut = {}\n",
                peer.node_id,
                peer.place.region,
                peer.link_port,
                link.peer,
                link.one_way_ms,
                link.jitter_ms,
                link.loss_percent,
                link.cut,
            );
            if let Some(rate) = link.bandwidth_bytes_per_s {
                let _ = writeln!(text, "bandwidth_bytes_per_s = {rate}");
            }
        }
        text
    }

    /// Regions with their doors, then round trips with what light needs, for people.
    pub fn text(&self, faults: &Faults, bold: bool) -> String {
        let mut regions = TextTable::new(["region", "RESP", "HTTP", "measured at"]);
        let mut distances = TextTable::new(std::iter::once("RTT ms (light)").chain(self.regions()));
        for (a, member) in self.members.iter().enumerate() {
            let place = &member.place;
            regions.row([
                place.region.clone(),
                member.resp_port.to_string(),
                member.http_port.to_string(),
                place.measured_at.clone(),
            ]);
            let cell = |(b, other): (usize, &Member)| match a == b {
                true => "-".to_owned(),
                false => format!("{:.0} ({:.0})", faults.link(a, b).rtt_ms, place.floor_ms(&other.place)),
            };
            distances.row(std::iter::once(place.region.clone()).chain(self.members.iter().enumerate().map(cell)));
        }
        format!("{}\n{}", regions.text(bold), distances.text(bold))
    }
}

fn places(regions: &[String]) -> Result<Vec<Place>, Error> {
    let mut places: Vec<Place> = Vec::new();
    for region in regions.iter().map(|region| region.trim()) {
        let place = Place::of_region(region)?;
        if let Some(other) = places.iter().find(|other| other.measured_at == place.measured_at) {
            return Err(Error::Usage(format!(
                "--regions: '{}' and '{region}' are the same place, {}",
                other.region, place.measured_at
            )));
        }
        places.push(place);
    }
    match places.len() {
        1..=REGIONS_MAX => Ok(places),
        count => Err(Error::Usage(format!("--regions: {count} regions; one world has 1 to {REGIONS_MAX}"))),
    }
}

fn weather(options: &DevOptions) -> Result<Weather, Error> {
    let within = |name: &str, value: f64, min: f64, max: f64| match (min..=max).contains(&value) {
        true => Ok(value),
        false => Err(Error::Usage(format!("{name} {value}: must be from {min} to {max}"))),
    };
    within("--rtt-scale", options.rtt_scale, 0.0, 100.0)?;
    let bandwidth = options.bandwidth_mbit.map(|mbit| within("--bandwidth-mbit", mbit, 0.01, 100_000.0)).transpose()?;
    Ok(Weather {
        jitter_ms: within("--jitter-ms", options.jitter_ms, 0.0, 10_000.0)?,
        loss_percent: within("--loss-percent", options.loss_percent, 0.0, 100.0)?,
        bandwidth_bytes_per_s: bandwidth.map(|mbit| (mbit * 1e6 / 8.0) as u64),
    })
}

/// Takes every TCP port that the world needs, or says which one is taken.
fn claim(options: &DevOptions, places: &[Place]) -> Result<Claimed, Error> {
    let control = take(options.control_port, "orders", "--control-port")?;
    let mut doors = Vec::new();
    for (at, place) in (0u16..).zip(places) {
        for (base, door, option) in
            [(options.resp_base, "RESP", "--resp-base"), (options.http_base, "HTTP", "--http-base")]
        {
            let of = format!("{door} of {}", place.region);
            let port = base.checked_add(at).ok_or_else(|| {
                Error::Usage(format!("{option} {base}: no port {base} + {at} for {of}; pass a smaller one"))
            })?;
            doors.push(take(port, &of, option)?);
        }
    }
    Ok(Claimed { control, _doors: doors })
}

fn take(port: u16, of: &str, option: &str) -> Result<TcpListener, Error> {
    let what = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(listener) if port != 0 => return Ok(listener),
        Ok(_) => "port 0 is none".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => "it is taken".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Error::Usage(format!("port {port} (for {of}): {what}; stop what uses it, or pass another {option}")))
}

/// Ports that are free now. They are not held: each node takes its own a moment later.
fn free_udp_ports(count: usize) -> Result<Vec<u16>, Error> {
    let failed = || Error::system("find free UDP ports for links");
    let sockets: Result<Vec<UdpSocket>, _> = (0..count).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    let ports: Result<Vec<u16>, _> =
        sockets.map_err(failed())?.iter().map(|socket| socket.local_addr().map(|address| address.port())).collect();
    ports.map_err(failed())
}

/// A node id fits into one byte with its flags.
const REGIONS_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::path::Path;

    use clap::Parser;

    use super::Plan;
    use crate::cli::{Cli, Command, DevOptions};
    use crate::config;

    fn options(more: &[&str]) -> DevOptions {
        match Cli::parse_from(["lightcone", "dev"].iter().chain(more)).command {
            Command::Dev(options) => options,
            other => panic!("{other:?}"),
        }
    }

    /// A block of ports for one test; tests run at the same time.
    fn with_ports(base: u16, more: &[&str]) -> DevOptions {
        let [resp, http, control] = [base, base + 10, base + 20].map(|port| port.to_string());
        options(&[&["--resp-base", &resp, "--http-base", &http, "--control-port", &control], more].concat())
    }

    fn refused(options: &DevOptions) -> String {
        Plan::make(options, Path::new("/tmp/world")).expect_err("a wrong world").to_string()
    }

    #[test]
    fn region_k_has_the_base_ports_plus_k_and_a_configuration_that_is_right() {
        let options = with_ports(27_100, &["--bandwidth-mbit", "100"]);
        let (plan, _claimed) = Plan::make(&options, Path::new("/tmp/world")).expect("a right world");
        let mut faults = plan.faults(&options).expect("measured");
        faults.cut(0, Some(2));
        let text = plan.node_toml(2, &faults);
        let config =
            config::parse(Path::new("/tmp/world/ap-northeast/node.toml"), &text).expect("a right configuration");
        assert_eq!((config.resp.listen.port(), config.http.listen.port(), config.node.node_id), (27_102, 27_112, 3));
        assert_eq!(config.node.data_dir, Path::new("/tmp/world/ap-northeast/data"));
        let shapes: Vec<(u16, bool)> = config.node.shapes.iter().map(|(peer, shape)| (*peer, shape.cut)).collect();
        assert_eq!(shapes, [(1, true), (2, false)]);
        assert_eq!(config.node.shapes[0].1.bandwidth_bytes_per_s, Some(12_500_000));
        assert!((70..90).contains(&config.node.shapes[0].1.one_way.as_millis()));
        let stands = config.node.latitude.zip(config.node.longitude).expect("the place is known");
        assert!((35.0..37.0).contains(&stands.0) && (139.0..140.0).contains(&stands.1), "{stands:?}");
        assert_eq!(
            config.node.authority_key_file.as_deref(),
            Some(Path::new("/tmp/world/ap-northeast/../ca.key")),
            "every node of a dev world can admit others"
        );
    }

    #[test]
    fn the_table_shows_doors_round_trips_and_floors() {
        let options = with_ports(27_130, &[]);
        let (plan, _claimed) = Plan::make(&options, Path::new("/tmp/world")).expect("a right world");
        let text = plan.text(&plan.faults(&options).expect("measured"), false);
        assert!(
            text.starts_with("region         RESP   HTTP  measured at\nus-east       27130  27140  East US\n"),
            "{text}"
        );
        assert!(text.contains("RTT ms (light)"), "{text}");
    }

    #[test]
    fn a_taken_port_is_named_with_what_to_pass() {
        let options = with_ports(27_160, &[]);
        let _other = TcpListener::bind("127.0.0.1:27172").expect("free for this test");
        assert_eq!(
            refused(&options),
            "port 27172 (for HTTP of ap-northeast): it is taken; stop what uses it, or pass another --http-base"
        );
        let overlapping = DevOptions { http_base: 27_191, ..with_ports(27_190, &[]) };
        assert!(refused(&overlapping).contains("port 27191 (for RESP of eu-west): it is taken"));
        let high = DevOptions { resp_base: 65_534, ..with_ports(27_220, &[]) };
        assert!(refused(&high).contains("--resp-base 65534: no port 65534 + 2"), "{}", refused(&high));
    }

    #[test]
    fn regions_are_known_places_and_each_only_once() {
        assert!(
            refused(&with_ports(27_250, &["--regions", "us-east,mars"]))
                .starts_with("no region 'mars'\nregions: us-east, ")
        );
        let twice = refused(&with_ports(27_280, &["--regions", "us-east,east-us"]));
        assert_eq!(twice, "--regions: 'us-east' and 'east-us' are the same place, East US");
    }

    #[test]
    fn weather_out_of_bounds_is_refused() {
        let options = with_ports(27_310, &["--loss-percent", "101"]);
        let (plan, _claimed) = Plan::make(&options, Path::new("/tmp/world")).expect("ports are free");
        let error = plan.faults(&options).err().expect("too much loss").to_string();
        assert_eq!(error, "--loss-percent 101: must be from 0 to 100");
    }
}
