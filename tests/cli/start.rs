//! `hecate` itself: where it listens, what it takes from the environment, how it says that it cannot.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::Desk;
use crate::support::free_port;

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (key, other) in [("listen", "admin_listen"), ("admin_listen", "listen")] {
        let desk = Desk::with(&[("hecate.yaml", &format!("server:\n  {key}: {address}\n  {other}: 127.0.0.1:0\n"))]);
        let said = desk.run(&["--config", "hecate.yaml"]);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        let last = said.err.lines().last().unwrap();
        assert!(
            last.starts_with("hecate: hecate.yaml:2:") && last.contains(&format!("server.{key}: cannot listen on {address}")),
            "{said:?}"
        );
    }
}

#[test]
fn the_environment_alone_is_enough() {
    let port = free_port();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hecate"))
        .env("HECATE__SERVER__LISTEN", format!("127.0.0.1:{port}"))
        .env("HECATE__SERVER__ADMIN_LISTEN", "127.0.0.1:0")
        .env("HECATE__UPSTREAMS__0__URL", "http://127.0.0.1:9")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains(&format!("serves http://127.0.0.1:{port} (admin http://127.0.0.1:")), "{line}");
}

#[test]
fn what_lets_everybody_in_does_not_leave_this_machine() {
    let said = Desk::with(&[]).run_with(&[], &[("HECATE__SERVER__LISTEN", "0.0.0.0:0"), ("HECATE__SERVER__ADMIN_LISTEN", "127.0.0.1:0")]);
    assert!(said.code == 64 && said.err.contains("HECATE__SERVER__LISTEN: server.listen: "), "{said:?}");
    let unknown = Desk::with(&[]).run_with(&[], &[("HECATE__SERVER__LISTN", "127.0.0.1:0")]);
    assert!(unknown.code == 64 && unknown.err.contains("HECATE__SERVER__LISTN"), "{unknown:?}");
}
