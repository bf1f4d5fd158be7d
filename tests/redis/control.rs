//! A plain connection beside ours, to look at and to disturb what stands in Redis.

use redis::FromRedisValue;

use crate::server::Server;

/// Runs a command, words separated by blanks.
pub fn run<T: FromRedisValue>(server: &Server, command: &str) -> T {
    call(server, &command.split(' ').map(str::as_bytes).collect::<Vec<_>>())
}

/// Runs a command of these words.
pub fn call<T: FromRedisValue>(server: &Server, words: &[&[u8]]) -> T {
    try_call(server, words).unwrap_or_else(|error| panic!("{:?}: {error}", words.iter().map(|word| String::from_utf8_lossy(word))))
}

pub fn try_call<T: FromRedisValue>(server: &Server, words: &[&[u8]]) -> redis::RedisResult<T> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", server.port)).unwrap();
    let mut connection = client.get_connection()?;
    let mut command = redis::Cmd::new();
    words.iter().for_each(|word| {
        command.arg(*word);
    });
    command.query(&mut connection)
}

/// All names that match.
pub fn names(server: &Server, pattern: &str) -> Vec<String> {
    let mut names: Vec<String> = run(server, &format!("KEYS {pattern}"));
    names.sort();
    names
}

/// Fills a server that evicts nothing, until there is no room for anything; the number of names `filler:…`.
pub fn fill(server: &Server) -> usize {
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", server.port)).unwrap();
    let mut connection = client.get_connection().unwrap();
    let mut count = 0;
    for size in [16_000, 1000, 10] {
        let filler = vec![b'x'; size];
        while redis::cmd("SET").arg(format!("filler:{count}")).arg(&filler).exec(&mut connection).is_ok() {
            count += 1;
        }
    }
    count
}

/// Takes out what [`fill`] put in.
pub fn empty(server: &Server, count: usize) {
    let names: Vec<String> = (0..count).map(|number| format!("filler:{number}")).collect();
    let words: Vec<&[u8]> = std::iter::once(&b"DEL"[..]).chain(names.iter().map(|name| name.as_bytes())).collect();
    assert_eq!(call::<usize>(server, &words), count);
}
