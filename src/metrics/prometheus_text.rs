//! The text format of Prometheus, for readers that do not know OpenMetrics: node_exporter and promtool.
//!
//! Decides how OpenMetrics is rewritten: comments name a counter with its `_total`, units and the end mark are left out.
//! Invariant: samples stay as they are.

/// Rewrites what the encoder for OpenMetrics wrote.
pub(super) fn from_open_metrics(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    // The help comes before the type, which decides the name in both.
    let mut help = None;
    for line in text.lines() {
        match comment(line) {
            Some(("HELP", rest)) => help = rest.split_once(' '),
            Some(("TYPE", rest)) => {
                let (name, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
                let suffix = if kind == "counter" { "_total" } else { "" };
                if let Some((_, help)) = help.take() {
                    result += &format!("# HELP {name}{suffix} {help}\n");
                }
                result += &format!("# TYPE {name}{suffix} {kind}\n");
            }
            Some(_) => {}
            None if line.starts_with('#') => {}
            None => {
                result += line;
                result.push('\n');
            }
        }
    }
    result
}

fn comment(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("# ")?.split_once(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_named_in_full_and_the_end_mark_is_left_out() {
        let open = "# HELP a_bytes Bytes of a.\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\n\
                    a_bytes_total{x=\"# HELP\"} 3\n# HELP b Now.\n# TYPE b gauge\nb 1\n# EOF\n";
        let text = "# HELP a_bytes_total Bytes of a.\n# TYPE a_bytes_total counter\n\
                    a_bytes_total{x=\"# HELP\"} 3\n# HELP b Now.\n# TYPE b gauge\nb 1\n";
        assert_eq!(from_open_metrics(open), text);
    }
}
