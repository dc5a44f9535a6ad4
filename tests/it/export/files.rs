//! Files as a whole: cut off, put together, of no export, and what an export leaves when it fails.

use std::{collections::BTreeSet, io::Write, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use orderwire::{
    service::{
        export::{ExportKind, ExportTarget, Exporter},
        import::{Counts, NoProgress},
    },
    storage::{Store, sqlite::SqliteLocation, sqlite::SqliteStore},
};

use super::{export, import_files, rejected, rejects_beside, text_of};
use crate::support::{
    data::{product, task, user},
    options::sqlite_options,
};

async fn empty_store() -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(SqliteLocation::Temporary, sqlite_options()).await.unwrap())
}

/// A store with the user who has made the tasks.
async fn target_store() -> Arc<dyn Store> {
    let store = empty_store().await;
    store.import_users(&[user("buyer")]).await.unwrap();
    store
}

async fn store_with_tasks(count: usize) -> Arc<dyn Store> {
    let store = empty_store().await;
    let tasks: Vec<_> = (0..count).map(|number| task(&number.to_string())).collect();
    store.import_tasks(&tasks).await.unwrap();
    store
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_noticed_and_what_is_whole_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, cut) = (folder.path().join("whole.jsonl"), folder.path().join("cut.jsonl"));
    export(&store_with_tasks(20).await, &whole).await;
    let text = text_of(&whole);
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    // In the middle of a line, right after one, and within the last one.
    for (length, tasks, bad) in [(ends[9] + 50, 10, 1), (ends[9] + 1, 10, 0), (ends[9], 10, 0), (ends[19] + 10, 20, 1)]
    {
        std::fs::write(&cut, &text[..length]).unwrap();
        let summary = import_files(&*target_store().await, &[&cut]).await.unwrap();
        assert_eq!((summary.tasks.new, summary.rejected.values().sum::<u64>()), (tasks, bad), "{length}");
        assert_eq!(summary.without_end, [cut.display().to_string()]);
        let expected = (bad == 1).then(|| (tasks + 1, "the line is cut off: its JSON ends too early".to_owned()));
        assert_eq!(rejected(&rejects_beside(&cut)), Vec::from_iter(expected));
    }
    // A line in the middle is missing.
    let missing = [&text[..ends[4]], &text[ends[5]..]].concat();
    std::fs::write(&cut, missing).unwrap();
    let summary = import_files(&*target_store().await, &[&cut]).await.unwrap();
    assert_eq!((summary.tasks.new, summary.without_end.len()), (19, 0));
    let why = "the number of lines before is another one: lines are missing or were added";
    assert_eq!(rejected(&rejects_beside(&cut)), [(20, why.to_owned())]);
}

#[tokio::test]
async fn compressed_data_that_ends_too_early_is_an_error_and_what_came_before_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, cut) = (folder.path().join("whole.jsonl.gz"), folder.path().join("cut.jsonl.gz"));
    export(&store_with_tasks(3000).await, &whole).await;
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let store = target_store().await;
    let error = import_files(&*store, &[&cut]).await.unwrap_err().to_string();
    assert!(error.ends_with("cut.jsonl.gz is cut off: its compressed data ends too early"), "{error}");
    let stored = store.count_tasks(&[Default::default()]).await.unwrap()[0];
    assert!((1..3000).contains(&stored), "{stored}");
    let summary = import_files(&*store, &[&whole]).await.unwrap();
    assert_eq!(summary.tasks, Counts { total: 3000, new: 3000 - stored }, "importing the whole file completes it");
}

#[tokio::test]
async fn files_of_several_exports_are_imported_together() {
    let folder = tempfile::tempdir().unwrap();
    let [tasks, others] = ["tasks.jsonl.gz", "others.jsonl"].map(|name| folder.path().join(name));
    export(&store_with_tasks(3).await, &tasks).await;
    let store = empty_store().await;
    store.import_users(&[user("anna")]).await.unwrap();
    store.import_products(&[product("lamp")]).await.unwrap();
    export(&store, &others).await;
    let target = target_store().await;
    let summary = import_files(&*target, &[&tasks, &others]).await.unwrap();
    assert_eq!((summary.tasks.new, summary.users.new, summary.products.new, summary.lines), (3, 1, 1, 5));
    assert_eq!((summary.rejected.len(), summary.without_end.len()), (0, 0));
    // One after the other in one file, as `cat` puts them together.
    let together = folder.path().join("together.jsonl.gz");
    std::fs::write(&together, gzip(&(text_of(&tasks) + &text_of(&others)))).unwrap();
    let summary = import_files(&*target_store().await, &[&together]).await.unwrap();
    assert_eq!((summary.lines, summary.rejected.len(), summary.without_end.len()), (5, 0, 0));
}

#[tokio::test]
async fn files_that_can_not_be_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data.jsonl");
    let refusal = async || import_files(&*empty_store().await, &[&file]).await.unwrap_err().to_string();
    assert!(refusal().await.starts_with("cannot read "), "it is missing");
    std::fs::write(&file, "").unwrap();
    assert!(refusal().await.ends_with("data.jsonl is empty"));
    let rejects = rejects_beside(&file);
    let error = import_files(&*empty_store().await, &[&file, &rejects]).await.unwrap_err().to_string();
    assert!(error.ends_with("is the file to import: the rejects need another one"), "{error}");
}

#[tokio::test]
async fn an_export_that_fails_leaves_the_file_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data.jsonl");
    std::fs::write(&file, "before").unwrap();
    let store = store_with_tasks(3).await;
    store.close().await;
    let kinds = BTreeSet::from([ExportKind::Tasks]);
    let failed = Exporter::new(store).export(&kinds, ExportTarget::File(file.clone()), Arc::new(NoProgress)).await;
    assert!(failed.is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["data.jsonl"], "nothing else is left");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_and_a_missing_folder_are_named() {
    let store = store_with_tasks(3000).await;
    let folder = tempfile::tempdir().unwrap();
    for (path, message) in [
        ("/dev/full".into(), "cannot write to /dev/full: No space left on device (os error 28)"),
        (folder.path().join("none/x.jsonl"), "No such file or directory"),
    ] {
        let kinds = BTreeSet::from([ExportKind::Tasks]);
        let exporter = Exporter::new(store.clone());
        let error = exporter.export(&kinds, ExportTarget::File(path), Arc::new(NoProgress)).await.unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}
