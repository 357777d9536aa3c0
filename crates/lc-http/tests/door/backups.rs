//! Pieces of a backup.

use crate::client::Client;
use crate::node::furnished;

#[tokio::test]
async fn pieces_are_bytes_and_are_asked_for_by_where_they_begin() {
    let client = Client::of(furnished()).await;
    let rows = client.get("/v1/backups/7/rows?after=00ff41").await;
    assert_eq!((rows.status, rows.body.as_slice()), (200, &[0, 255, b'A'][..]));
    assert_eq!(rows.header("content-type"), Some("application/octet-stream"));
    let entries = client.get("/v1/backups/7/entries?after=18446744073709551615").await;
    assert_eq!((entries.status, entries.body.as_slice()), (200, &b"18446744073709551615"[..]));
    for wrong in ["rows?after=0", "rows?after=zz", "entries?after=-1"] {
        assert_eq!(client.get(&format!("/v1/backups/7/{wrong}")).await.status, 400, "{wrong}");
    }
}
