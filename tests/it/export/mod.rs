//! Exports and imports of lines of JSON: what is exported can be imported without loss, on any engine.

mod bad_lines;
mod files;
mod past;
mod round_trip;

use std::{
    collections::BTreeSet,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::read::MultiGzDecoder;
use orderwire::{
    service::{
        export::{ExportKind, ExportSummary, ExportTarget, Exporter},
        import::{
            ImportError, ImportSource, NoProgress,
            jsonl::{JsonlOptions, JsonlSummary, import},
        },
    },
    storage::Store,
};

/// Exports everything to a file.
pub async fn export(store: &Arc<dyn Store>, file: &Path) -> ExportSummary {
    let kinds = BTreeSet::from([ExportKind::Users, ExportKind::Products, ExportKind::Orders, ExportKind::Tasks]);
    let target = ExportTarget::File(file.to_owned());
    Exporter::new(store.clone()).export(&kinds, target, Arc::new(NoProgress)).await.unwrap()
}

/// Imports files; what is rejected is written to `rejects.csv` in the folder of the first one.
async fn import_files(store: &dyn Store, files: &[&Path]) -> Result<JsonlSummary, ImportError> {
    let sources: Vec<ImportSource> = files.iter().map(|file| ImportSource::File(file.to_path_buf())).collect();
    let options = JsonlOptions { rejects: Some(rejects_beside(files[0])) };
    import(store, &sources, options, Arc::new(NoProgress)).await
}

fn rejects_beside(file: &Path) -> PathBuf {
    file.parent().unwrap().join("rejects.csv")
}

/// The line and the reason of each rejected line.
fn rejected(rejects: &Path) -> Vec<(u64, String)> {
    let mut csv = csv::Reader::from_path(rejects).unwrap();
    assert_eq!(csv.headers().unwrap(), &["line", "reason", "file", "text"][..]);
    csv.byte_records()
        .map(|record| {
            let record = record.unwrap();
            let text = |column: usize| String::from_utf8(record[column].to_vec()).unwrap();
            (text(0).parse().unwrap(), text(1))
        })
        .collect()
}

/// The text of a file, decompressed if its name says so.
fn text_of(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap();
    let mut text = String::new();
    if file.extension().is_some_and(|extension| extension == "gz") {
        MultiGzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

/// The lines of an export without the last one, which has the cursor of its log.
fn entities_of(file: &Path) -> String {
    let text = text_of(file);
    let (entities, end) = text.trim_end().rsplit_once('\n').unwrap_or(("", &text));
    assert!(end.starts_with("{\"end\":{\"lines\":"), "{end}");
    entities.to_owned()
}
