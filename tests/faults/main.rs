//! Faults: what happens to the file by other hands, by forks and by a failing disk.
//!
//! Every case runs in a process of its own, because it changes what system calls do.
