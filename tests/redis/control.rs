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
    let client = redis::Client::open(format!("redis://127.0.0.1:{}/?protocol=resp3", server.port)).unwrap();
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
