//! gzip, Python, curl and Go read what was joined from pieces.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hecate::series::{Edges, Grid, Limits, Series, decode};

const PYTHON: &str = "import gzip,sys,zlib
data, want = open(sys.argv[1],'rb').read(), open(sys.argv[2],'rb').read()
d = zlib.decompressobj(31)
assert gzip.decompress(data) == d.decompress(data) == want and d.eof and not d.unused_data";

const GO: &str = r#"package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
)

func main() {
	want, _ := os.ReadFile(os.Args[1])
	for _, name := range os.Args[2:] {
		f, _ := os.Open(name)
		in := bufio.NewReader(f)
		r, err := gzip.NewReader(in)
		if err != nil { panic(err) }
		r.Multistream(false)
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want) { panic(name) }
		if _, end := in.ReadByte(); end != io.EOF { panic("more follows") }
	}
}
"#;

pub(crate) fn check() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let series = filled();
    let cut = series.cut(5..395);
    std::fs::write(path("plain"), cut.plain()).expect("a file");
    std::fs::write(path("main.go"), GO).expect("a file");
    let files = [("stored.gz", Edges::Stored), ("small.gz", Edges::Small), ("deflated.gz", Edges::Deflated)];
    for (name, edges) in files {
        std::fs::write(path(name), cut.gzip(edges)).expect("a file");
        let read = run(Command::new("gzip").arg("-dc").arg(path(name)));
        assert!(read == cut.plain(), "gzip reads {name}");
        run(Command::new("python3").arg("-c").arg(PYTHON).arg(path(name)).arg(path("plain")));
        assert!(curl(&cut.gzip(edges)) == cut.plain(), "curl reads {name}");
    }
    run(Command::new("go").args(["run", "main.go", "plain"]).args(files.map(|(name, _)| name)).current_dir(folder.path()));
}

/// Twenty series of 400 points, with edges in the middle of pieces.
fn filled() -> Series {
    let grid = Grid::new(0, 15_000).expect("a grid");
    let mut body = String::from(r#"{"status":"success","data":{"resultType":"matrix","result":["#);
    for k in 0..20 {
        let comma = if k > 0 { "," } else { "" };
        let points: Vec<_> = (0..400).map(|i| format!("[{},\"{}\"]", i * 15, (f64::from(i) + 0.1).sqrt() * f64::from(k + 1))).collect();
        write!(body, "{comma}{{\"metric\":{{\"k\":\"{k:02}\"}},\"values\":[{}]}}", points.join(",")).expect("a string");
    }
    body.push_str("]}}");
    let mut series = Series::new(grid);
    series.put(0..400, &decode(body.as_bytes(), grid, Limits::default()).expect("an answer"), 0).expect("kept");
    series
}

fn run(command: &mut Command) -> Vec<u8> {
    let program = Path::new(command.get_program()).display().to_string();
    let output = command.output().unwrap_or_else(|e| panic!("{program} is missing ({e}): run `make setup`"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What curl makes of a compressed answer.
fn curl(body: &[u8]) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let answer = [head.as_bytes(), body].concat();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("curl connects");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).expect("a request");
        stream.write_all(&answer).expect("curl reads");
    });
    let read = run(Command::new("curl")
        .args(["--silent", "--fail", "--noproxy", "*", "--max-time", "20", "--compressed"])
        .arg(format!("http://{address}/")));
    server.join().expect("served");
    read
}
