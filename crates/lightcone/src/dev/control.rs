//! The supervisor behind its own HTTP door, on loopback: the world as it is, and orders to change it.

use std::sync::Arc;

use lc_http::{Control, Problem};
use tokio::sync::Mutex;

use super::orders::{Done, Order, WorldView};
use super::world::World;

/// A world that takes orders, one after the other.
pub struct Supervisor(pub Arc<Mutex<World>>);

impl Control for Supervisor {
    type View = WorldView;
    type Order = Order;
    type Done = Done;

    async fn view(&self) -> WorldView {
        self.0.lock().await.view()
    }

    async fn obey(&self, order: Order) -> Result<Done, Problem> {
        let done = self.0.lock().await.obey(order).await?;
        println!("{done}");
        Ok(Done { done })
    }
}
