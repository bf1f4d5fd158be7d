//! The Lua scripts: called by their hash, sent whole to a server that does not know them, which is after a restart, a failover or `SCRIPT FLUSH`.

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, ToRedisArgs};

use super::dialer::Connection;

/// One script.
#[derive(Debug)]
pub(super) struct Script {
    code: &'static str,
    hash: String,
}

/// All scripts; each file says what it does, takes and gives.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) claim: Script,
    pub(super) renew: Script,
    pub(super) publish: Script,
    pub(super) release: Script,
    pub(super) post: Script,
    pub(super) board: Script,
}

impl Scripts {
    pub(super) fn new() -> Scripts {
        Scripts {
            claim: Script::new(include_str!("../../../lua/claim.lua")),
            renew: Script::new(include_str!("../../../lua/renew.lua")),
            publish: Script::new(include_str!("../../../lua/publish.lua")),
            release: Script::new(include_str!("../../../lua/release.lua")),
            post: Script::new(include_str!("../../../lua/post.lua")),
            board: Script::new(include_str!("../../../lua/board.lua")),
        }
    }
}

impl Script {
    fn new(code: &'static str) -> Script {
        Script { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }

    /// Runs it. At most two round trips; the second sends the code along, to the one server that needs it.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        connection: &mut Connection,
        keys: &[String],
        arguments: &[impl ToRedisArgs + Sync],
    ) -> Result<T, RedisError> {
        let call = |command: &str, code: &str| -> Cmd {
            let mut call = redis::cmd(command);
            call.arg(code).arg(keys.len()).arg(keys).arg(arguments);
            call
        };
        match call("EVALSHA", &self.hash).query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                call("EVAL", self.code).query_async(connection).await
            }
            other => other,
        }
    }
}
