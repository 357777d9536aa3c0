//! Seeds that people could have typed.

use crate::Seed;

pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut add = |target, name, bytes: &[u8]| seeds.push((target, name, bytes.to_vec()));
    add(
        "resp_requests",
        "arrays",
        b"\0\x02\x05\0\x10*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nva\r\nl\r\n*1\r\n$4\r\nPING\r\n*0\r\n",
    );
    add(
        "resp_requests",
        "lines",
        b"\0\x01\0\x03\0set k \"a b\\n\\x41\\\"\"\r\nset 'k l' \"\"\n\r\n*1\r\n$4\r\nQUIT\r\n",
    );
    add("resp_requests", "stranger", b"\x01\x04\0\0\x07*7\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n$7\r\nSETNAME\r\n$1\r\nn\r\n");
    add("resp_requests", "malformed", b"\0\0\0\0\0*2\r\n$3\r\nGET\r\n$1\r\nkk\r\n");
    for (name, text) in COMMANDS {
        add("resp_commands", name, text.as_bytes());
    }
    for (name, text) in POLICIES {
        add("policies", name, text.as_bytes());
    }
    for (name, text) in RULES {
        add("merge_rules", name, text.as_bytes());
    }
    for (name, head, body) in REQUESTS {
        let length = format!("Content-Length: {}\r\n\r\n", body.len());
        let text = format!("{head} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{length}{body}");
        add("http_requests", name, text.as_bytes());
    }
    add("http_requests", "chunked", b"PUT /v1/tables/t/records/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    add("http_requests", "pipeline", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/tables/t/records/a?raw=true HTTP/1.1\r\nHost: localhost\r\nLightcone-Read: quorum(2)\r\nIf-None-Match: *\r\n\r\n");
    seeds
}

const COMMANDS: &[(&str, &str)] = &[
    (
        "strings",
        "SET a 1\nAPPEND a x\nGETRANGE a 0 -1\nSETRANGE a 3 yy\nSET a 5 EX 10 GET\n@+\nTTL a\nGETDEL a\nLCS a b\nMSET a 1 b 2\nMGET a b c\n",
    ),
    ("counters", "INCR a\n@\nINCRBY a 5\n@@\nDECR a\nINCRBYFLOAT a 0.5\n@\nSET a 9\n@@\nGET a\n"),
    (
        "hashes",
        "HSET h f 1 g 2\nHINCRBY h f 3\n@\nHSET h f 9\nHDEL h g\n@@\nHGETALL h\nHSCAN h 0 COUNT 1\nHRANDFIELD h 2 WITHVALUES\n",
    ),
    (
        "sets",
        "SADD s a b c\n@\nSADD s c d\nSREM s a\n@@\nSMEMBERS s\nSINTERCARD 2 s t LIMIT 1\nSUNIONSTORE t s s\nSPOP t 2\nSMOVE s t b\n",
    ),
    (
        "sorted",
        "ZADD z 1 a 2.5 b inf c\n@\nZINCRBY z -1 a\nZADD z GT CH 7 b\n@@\nZRANGE z 0 -1 WITHSCORES\nZRANGEBYSCORE z (1 +inf LIMIT 0 2\nZRANGEBYLEX z [a (c\nZPOPMIN z 2\nZUNION 2 z y WEIGHTS 1 2 AGGREGATE MAX WITHSCORES\n",
    ),
    (
        "expiry",
        "SET a 1\nEXPIRE a 1\n@\nPERSIST a\nSET b 1 PX 500\n@@\n@+\nEXISTS a b\nEXPIRETIME a\nDBSIZE\nSCAN 0 MATCH * TYPE string\n",
    ),
    (
        "transactions",
        "MULTI\nSET a 1\nINCR a\nGET b\nEXEC\nWATCH a\nMULTI\nDEL a\nDISCARD\nHELLO 3\nCLIENT SETNAME n\nCOMMAND DOCS get\nRESET\n",
    ),
    (
        "siblings",
        "SET s:a 1\n@\nSET s:a 2\n@@\nSIBLINGS s:a\nRESOLVE s:a x 3\nGET s:a\nSET j:a '{\"items\":[{\"sku\":\"p\",\"qty\":1}],\"total\":2}'\n@\nSET j:a '{\"items\":[{\"sku\":\"p\",\"qty\":4}],\"tags\":[1]}'\n@@\nGET j:a\nSET m:a 3\nSET u:a [1,2]\n",
    ),
    (
        "deletion",
        "SET a 1\nHSET a f 1\n@\nDEL a\nFLUSHALL\n@@\nCOPY a b REPLACE\nRENAME b c\nTYPE c\nKEYS *\nRANDOMKEY\nOBJECT ENCODING c\n",
    ),
];

const POLICIES: &[(&str, &str)] = &[
    (
        "toml",
        "\0writers = \"any\"\nack = \"regions(2)\"\nmerge = \"lww\"\nplacement = [\"kyiv\", \"oslo\"]\nread = \"bounded(5s)\"\nledger_bytes_max = 1048576\nledger_age_max_s = 3600\nack_timeout_ms = 500\nwait_ms = 0\n",
    ),
    (
        "json",
        "\x01{\"ack\":\"majority\",\"placement\":[\"kyiv\",\"oslo\"],\"read\":\"quorum(2)\",\"merge\":\"json(items: union by sku, qty: max)\",\"wait_ms\":7}",
    ),
    ("words", "\x02ack=all\nread=session\nplacement=kyiv,oslo\nmerge=max\nwriters=home\n"),
    ("rule", "\x03json(items: union by sku (qty: max, tags: union), a.b: min, note: lww)"),
    ("mistakes", "\0raed = \"sesion\"\n[tables]\n"),
];

const RULES: &[(&str, &str)] = &[
    (
        "cart",
        "json(items: union by sku, qty: max, total: max)\n{\"items\":[{\"sku\":\"a\",\"qty\":1}],\"total\":3}\n{\"items\":[{\"sku\":\"a\",\"qty\":5},{\"sku\":\"b\"}],\"note\":\"x\"}\n{\"total\":4.5}",
    ),
    (
        "nested",
        "json(a.b: union, a.c: min)\n{\"a\":{\"b\":[1,2.0],\"c\":9}}\n{\"a\":{\"b\":[2,\"x\"],\"c\":\"y\"}}\n{\"a\":3}",
    ),
    ("union", "union\n[1,2,{\"a\":1}]\n[2,1.5,null]\nnot json\n\"text\""),
    ("max", "max\n9\n10.5\n1e400\nabc\n-0"),
    ("min", "min\n9223372036854775808\n-1\nnan"),
    ("lww", "lww\na\nb\na"),
];

const REQUESTS: &[(&str, &str, &str)] = &[
    ("put", "PUT /v1/tables/t/records/a", "{\"value\":\"x\",\"expires_in_ms\":1000}"),
    ("get", "GET /v1/tables/default/records/h", ""),
    ("delete", "DELETE /v1/tables/m/records/a%2Fb", ""),
    ("increment", "POST /v1/tables/default/records/n/increment", "{\"by\":2}"),
    ("field", "PUT /v1/tables/default/records/h/fields/f", "{\"value\":1}"),
    ("member", "PUT /v1/tables/default/records/s/members/b", ""),
    ("members", "GET /v1/tables/default/records/s/members", ""),
    ("score", "PUT /v1/tables/default/records/z/scores/b", "{\"score\":1.5}"),
    ("scores", "GET /v1/tables/default/records/z/scores", ""),
    ("records", "GET /v1/tables/t/records?limit=3", ""),
    ("resolve", "POST /v1/tables/t/records/a/resolve", "{\"context\":\"x\",\"value\":\"y\"}"),
    ("expiry", "PUT /v1/tables/t/records/a/expiry", "{\"in_ms\":5000}"),
    ("session", "POST /v1/sessions", ""),
    ("create_table", "POST /v1/tables?dry_run=true", "{\"name\":\"carts\",\"ack\":\"regions(2)\"}"),
    ("alter_table", "PATCH /v1/tables/t", "{\"read\":\"session\",\"expect_version\":1,\"collapse\":true}"),
    ("conflicts", "GET /v1/conflicts?table=t&after=7&limit=10", ""),
    ("restore", "POST /v1/conflicts/7/restore", ""),
    ("invite", "POST /v1/invitations", "{\"region\":\"kyiv\"}"),
    ("join", "POST /v1/join", "{\"token\":\"once\"}"),
    ("emulation", "POST /emulation", "{\"links\":[{\"peer\":2,\"one_way_ms\":5,\"cut\":true}]}"),
    ("description", "GET /v1/openapi.json", ""),
];
