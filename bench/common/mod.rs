//! What the benchmarks of the whole program share: a client, load, programs beside Hecate, CPU and memory of processes, figures.

#![allow(dead_code, reason = "every benchmark uses its own part")]

pub mod http;
pub mod load;
pub mod process;
pub mod programs;
pub mod report;
pub mod turns;
pub mod verdict;
