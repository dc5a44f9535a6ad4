//! Metadata in a document: `metadata` and `private_metadata`, lists of `{ k, v }`, and `metadata_terms`, the texts by which lists
//! find it. Each item has two terms, one with its key alone and one with its value.
//!
//! Decision: `docs/decisions/0035-metadata.md`.

use bson::{Bson, Document, RawArrayBuf, RawBsonRef, RawDocumentBuf, doc, raw::CStr};

use super::{
    codec::{BsonValue, Field, append_fields, raw_document, read_fields},
    collections::TERMS,
    filter::Index,
};
use crate::{
    domain::{Metadata, MetadataFilter, MetadataItems},
    storage::Result,
};

impl BsonValue for MetadataItems {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        let items = value.as_array()?.into_iter().map(|item| {
            let read = |item: &bson::RawDocument| -> Result<(String, String)> {
                read_fields!(item, key: "k", value: "v");
                Ok((key.required()?, value.required()?))
            };
            read(item.ok()?.as_document()?).ok()
        });
        items.collect()
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        let item = |(key, value): (&String, &String)| raw_document! { "k": key.clone(), "v": value.clone() };
        document.append(key, self.iter().map(item).collect::<RawArrayBuf>());
    }
}

/// What public terms begin with. No key has this character.
const PUBLIC: char = '+';
/// What private terms begin with.
const PRIVATE: char = '~';

fn term(part: char, key: &str, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{part}{key}={value}"),
        None => format!("{part}{key}"),
    }
}

fn terms(metadata: &Metadata) -> Vec<String> {
    let parts = [(PUBLIC, &metadata.public), (PRIVATE, &metadata.private)];
    let items = parts.into_iter().flat_map(|(part, items)| items.iter().map(move |item| (part, item)));
    items.flat_map(|(part, (key, value))| [term(part, key, None), term(part, key, Some(value))]).collect()
}

fn present(items: &MetadataItems) -> Option<MetadataItems> {
    (!items.is_empty()).then(|| items.clone())
}

/// The metadata of the two fields of a document.
pub(super) fn decode(public: Field<'_>, private: Field<'_>) -> Result<Metadata> {
    Ok(Metadata { public: public.optional()?.unwrap_or_default(), private: private.optional()?.unwrap_or_default() })
}

/// Appends the metadata of an entity; nothing if there is none.
pub(super) fn append(document: &mut RawDocumentBuf, metadata: &Metadata) {
    let terms = terms(metadata);
    let terms = (!terms.is_empty()).then_some(terms);
    append_fields!(*document,
        "metadata": present(&metadata.public), "private_metadata": present(&metadata.private),
        "metadata_terms": terms);
}

/// The update that gives a document this metadata, besides setting `fields`.
pub(super) fn update(metadata: &Metadata, mut fields: Document) -> Document {
    let list = |items: &MetadataItems| {
        let item = |(key, value): (&String, &String)| Bson::from(doc! { "k": key, "v": value });
        items.iter().map(item).collect::<Vec<Bson>>()
    };
    fields.extend(doc! {
        "metadata": list(&metadata.public), "private_metadata": list(&metadata.private), TERMS: terms(metadata),
    });
    doc! { "$set": fields }
}

/// Narrows a filter to the entities with this metadata. The index of terms serves it, if no other has to.
pub(super) fn narrow(filter: &MetadataFilter, condition: &mut Document, index: &mut Index, by_terms: bool) {
    let parts: &[char] = if filter.public_only { &[PUBLIC] } else { &[PUBLIC, PRIVATE] };
    let terms: Vec<String> = parts.iter().map(|part| term(*part, &filter.key, filter.value.as_deref())).collect();
    condition.insert(TERMS, doc! { "$in": terms });
    if by_terms {
        *index = Index::Named(TERMS);
    }
}
