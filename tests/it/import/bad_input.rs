//! Files that cannot be imported: each gives one clear message and stores nothing.

use std::{io::Write, path::Path, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use orderwire::service::import::{
    ImportSource, NoProgress,
    online_retail::{OnlineRetailOptions, import},
    sample,
};

use super::{bytes_of, empty_store, everything, file_with, path_of};

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

/// The error message without the file's path.
async fn refusal(source: ImportSource) -> String {
    let store = empty_store().await;
    let error = import(&*store, &source, OnlineRetailOptions::default(), Arc::new(NoProgress)).await.unwrap_err();
    assert_eq!(everything(&*store).await, (vec![], vec![], vec![]));
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    message.replace(&path_of(&source).display().to_string(), "FILE")
}

async fn refusal_of(content: &[u8]) -> String {
    let (_folder, source) = file_with(content);
    refusal(source).await
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_path_that_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = ImportSource::File(folder.path().join("missing.csv"));
    assert_eq!(refusal(missing).await, "cannot read FILE: No such file or directory (os error 2)");
    assert_eq!(refusal(ImportSource::File(folder.path().to_owned())).await, "FILE is not a regular file");
    #[cfg(unix)]
    assert_eq!(refusal(ImportSource::File(Path::new("/dev/null").to_owned())).await, "FILE is not a regular file");
}

#[tokio::test]
async fn an_empty_file_is_refused() {
    assert_eq!(refusal_of(b"").await, "FILE is empty");
    assert_eq!(refusal_of(b"\n\n").await, "FILE is empty");
    assert_eq!(refusal_of(&gzip(b"")).await, "FILE is empty");
}

#[tokio::test]
async fn a_file_with_other_columns_is_refused() {
    let expected = format!("expected \"{}\"", HEADER.trim());
    assert_eq!(
        refusal_of(b"Summary,Issue id\n").await,
        format!("FILE has other columns than expected: found \"Summary,Issue id\", {expected}")
    );
    assert_eq!(
        refusal_of(b"PK\x03\x04\x1b[31m\xff\n").await,
        format!("FILE has other columns than expected: found \"PK\\u{{3}}\\u{{4}}\\u{{1b}}[31m\u{fffd}\", {expected}")
    );
}

#[tokio::test]
async fn a_truncated_or_damaged_file_is_refused() {
    let good = bytes_of(&sample::ONLINE_RETAIL);
    for length in [3, 1000, good.len() / 2, good.len() - 1] {
        let message = refusal_of(&good[..length]).await;
        assert_eq!(message, "FILE is cut off: its compressed data ends too early", "{length} bytes");
    }
    let mut damaged = good.to_vec();
    damaged[good.len() / 2] ^= 0xff;
    let message = refusal_of(&damaged).await;
    assert!(message.starts_with("cannot read FILE: corrupt"), "{message}");
}

#[tokio::test]
async fn a_file_with_an_endless_record_is_refused() {
    let mut content = format!("{HEADER}1,A,x,1,2011-01-01T10:00:00,2,7,Spain\n2,B,\"").into_bytes();
    content.resize(content.len() + 8 * 1024 * 1024, b'\n');
    assert_eq!(
        refusal_of(&gzip(&content)).await,
        "FILE, line 3: a record longer than 4 MiB; is a quotation mark left open?"
    );
}
