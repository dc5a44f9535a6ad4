//! CPU time and memory of a process, from `/proc`.

use std::{fs, time::Duration};

use crate::Result;

/// Clock ticks a second in `/proc`: USER_HZ, which is 100 on every common architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process of this machine.
pub struct Process {
    pid: u32,
}

impl Process {
    /// The process with this id.
    pub fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// The process with this id and its children.
    pub fn family(pid: u32) -> Result<Vec<Self>> {
        let parent = Self::new(pid);
        let children = parent.read(&format!("task/{pid}/children"))?;
        let children = children.split_ascii_whitespace().map(|child| Ok(Self::new(child.parse()?)));
        std::iter::once(Ok(parent)).chain(children).collect()
    }

    /// CPU time used so far, in user and in kernel mode.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = self.read("stat")?;
        // The second field is the name in parentheses, which may hold anything.
        let after_name = stat.rsplit_once(')').ok_or("unreadable /proc/PID/stat")?.1;
        let ticks = after_name.split_ascii_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks = ticks.sum::<std::result::Result<u64, _>>()?;
        Ok(Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND))
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        self.status_kib("VmRSS:")
    }

    /// Peak resident memory in KiB since [`Self::reset_peak`].
    pub fn peak_kib(&self) -> Result<u64> {
        self.status_kib("VmHWM:")
    }

    /// Resets the peak memory.
    pub fn reset_peak(&self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.pid);
        Ok(fs::write(&path, "5").map_err(|error| format!("{path}: {error}"))?)
    }

    fn status_kib(&self, field: &str) -> Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("the server is gone")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.pid);
        Ok(fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?)
    }
}
