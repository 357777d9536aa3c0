//! `lightcone fault`: an order to the dev world, and what it answers.

use std::io::IsTerminal;
use std::time::Duration;

use crate::Error;
use crate::cli::{Fault, FaultOptions};
use crate::dev::{Done, Order, WorldView};
use crate::http_client::Target;
use crate::text_table::TextTable;

/// Gives the order and prints the answer.
pub async fn run(options: FaultOptions) -> Result<(), Error> {
    let control = Control { port: options.control_port };
    let order = match options.fault {
        Fault::List { json } => return list(&control, json).await,
        Fault::Cut { a, b } => Order::Cut { a, b },
        Fault::Heal { a, b } => Order::Heal { a, b },
        Fault::Slow { a, b, rtt_ms } => Order::Slow { a, b, rtt_ms },
        Fault::Loss { a, b, percent } => Order::Loss { a, b, percent },
        Fault::Kill { region } => Order::Kill { region },
        Fault::Start { region } => Order::Start { region },
    };
    let body = serde_json::to_string(&order).map_err(unreadable)?;
    let answer = control.ask("POST", "/orders", Some(&body)).await?;
    let done: Done = serde_json::from_str(&answer).map_err(unreadable)?;
    println!("{}", done.done);
    Ok(())
}

async fn list(control: &Control, json: bool) -> Result<(), Error> {
    let answer = control.ask("GET", "/world", None).await?;
    if json {
        println!("{answer}");
        return Ok(());
    }
    let world: WorldView = serde_json::from_str(&answer).map_err(unreadable)?;
    let bold = std::io::stdout().is_terminal();
    print!("{}\n{}", regions(&world).text(bold), links(&world).text(bold));
    Ok(())
}

fn regions(world: &WorldView) -> TextTable {
    let mut table = TextTable::new(["region", "process", "RESP", "HTTP", "pid"]);
    for region in &world.regions {
        let pid = region.pid.map_or("-".to_owned(), |pid| pid.to_string());
        table.row([
            region.region.clone(),
            region.process.clone(),
            region.resp_port.to_string(),
            region.http_port.to_string(),
            pid,
        ]);
    }
    table
}

fn links(world: &WorldView) -> TextTable {
    let mut table = TextTable::new(["link", "state", "RTT ms", "usual", "loss %"]);
    for link in &world.links {
        let state = if link.cut { "cut" } else { "open" };
        let number = |value: f64| format!("{value:.1}");
        table.row([
            format!("{} - {}", link.a, link.b),
            state.to_owned(),
            number(link.rtt_ms),
            number(link.usual_rtt_ms),
            number(link.loss_percent),
        ]);
    }
    table
}

struct Control {
    port: u16,
}

impl Control {
    async fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Result<String, Error> {
        let answer = Target::local(self.port).ask(method, path, body, PATIENCE).await.map_err(|error| {
            Error::Asked(format!(
                "{error}\nno dev world on this port: start one with `lightcone dev`, or name its --control-port"
            ))
        })?;
        answer.ok()
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::Asked(format!("the dev world's answer cannot be read ({error}); is it of another version?"))
}

/// A region may replay a long journal before it is healthy.
const PATIENCE: Duration = Duration::from_secs(90);
