//! The description of the API against what is really answered, and the page that shows it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]
#![allow(clippy::disallowed_methods, reason = "answers of parts that the test started itself")]
#![allow(clippy::large_futures, reason = "tests are in no hurry")]

#[path = "../support/mod.rs"]
mod support;

mod conformance;
mod house;
mod operations;
mod page;
mod printed;
