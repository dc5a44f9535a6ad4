//! Metrics of the process that the operating system reports.

use super::catalog::Metrics;

/// On systems other than Linux these metrics stay 0.
#[cfg(not(target_os = "linux"))]
pub(super) fn update(_: &Metrics) {}

/// Reads the values from `/proc`. A value that can't be read stays as it was.
#[cfg(target_os = "linux")]
pub(super) fn update(metrics: &Metrics) {
    use std::{fs, sync::atomic::Ordering::Relaxed};

    let read = |file: &str| fs::read_to_string(format!("/proc/{file}")).ok();
    if let Some(stat) = read("self/stat").as_deref().and_then(Stat::read) {
        metrics.process_cpu.inner().store(stat.cpu.to_bits(), Relaxed);
        if let Some(boot) = read("stat").as_deref().and_then(|stat| number_after(stat, "btime ")) {
            metrics.process_start.set(boot as f64 + stat.started);
        }
    }
    if let Some(kib) = read("self/status").as_deref().and_then(|status| number_after(status, "VmRSS:")) {
        metrics.process_memory.set(kib.saturating_mul(1024));
    }
    if let Some(most) = read("self/limits").as_deref().and_then(|limits| number_after(limits, "Max open files")) {
        metrics.process_max_fds.set(most);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One of them is the open folder itself.
        metrics.process_fds.set(open.count() as i64 - 1);
    }
}

/// Times from `/proc/self/stat`, in seconds.
#[cfg(target_os = "linux")]
struct Stat {
    cpu: f64,
    /// Start of the process, after the start of the system.
    started: f64,
}

#[cfg(target_os = "linux")]
impl Stat {
    /// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
    fn read(stat: &str) -> Option<Self> {
        // Programs see 100 ticks a second, whatever the kernel does inside.
        const TICKS: f64 = 100.0;
        // The name, in brackets, may have spaces and brackets of its own. The state, field 3, follows.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let seconds = |field: usize| Some(fields.get(field - 3)?.parse::<f64>().ok()? / TICKS);
        Some(Self { cpu: seconds(14)? + seconds(15)?, started: seconds(22)? })
    }
}

/// The number that follows `name` on the line that it begins.
#[cfg(target_os = "linux")]
fn number_after(text: &str, name: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::telemetry::metrics;

    #[test]
    fn values_of_the_process_come_from_the_system() {
        let metrics = metrics();
        update(metrics);
        let before = metrics.process_fds.get();
        let _open: Vec<_> = (0..3).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        update(metrics);
        // The system counts processor time in ticks of 10 ms.
        while metrics.process_cpu.get() == 0.0 {
            assert!(std::time::Instant::now() < deadline, "no processor time is counted");
            update(metrics);
        }
        assert!(metrics.process_fds.get() > before && metrics.process_max_fds.get() > before);
        assert!(metrics.process_cpu.get() > 0.0 && metrics.process_memory.get() > 1_000_000);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!((now - 3600.0..now + 1.0).contains(&metrics.process_start.get()), "{}", metrics.process_start.get());
    }

    #[test]
    fn a_name_with_brackets_does_not_confuse() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 0 0 0 0 0 250 50 0 0 20 0 3 0 12345 0 0";
        let read = Stat::read(stat).unwrap();
        assert_eq!((read.cpu, read.started), (3.0, 123.45));
    }
}
