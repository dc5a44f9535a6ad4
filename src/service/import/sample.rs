//! Real samples of the data sets, built into the binary; `data/README.md` gives their origin.

use super::ImportSource;

/// Five days of the Online Retail data set, for [`super::online_retail::import`].
pub const ONLINE_RETAIL: ImportSource = ImportSource::Bundled {
    name: "the bundled Online Retail sample",
    bytes: include_bytes!("../../../data/online-retail-sample.csv.gz"),
};

/// About sixty issues of Apache Hadoop, for [`super::jira::import`].
pub const HADOOP_BUGS: ImportSource = ImportSource::Bundled {
    name: "the bundled Hadoop issues sample",
    bytes: include_bytes!("../../../data/hadoop-bugs-sample.csv.gz"),
};
