//! The shared cache against real servers: one, with TLS, with a password, Sentinels, a cluster; and against everything that can happen to them.

#![allow(clippy::print_stdout, reason = "figures of this machine, for people")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::large_futures, reason = "a failure here is a failed test")]

mod cluster;
mod control;
mod faults;
mod latency;
mod leases;
mod memory;
mod notices;
mod scripts;
mod sentinel;
mod server;
mod tls;
mod values;
