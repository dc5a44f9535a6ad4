//! Products and their stock, and lists of products.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};

use super::{
    codec::{raw_document, read_fields, stored_by_text, stored_ids},
    filter::{Filter, Index},
    idempotency::name_of,
    metadata,
    read::in_request_order,
    scan::{Listing, SCORE, SortBy},
    search::{append_words, contains_all, relevance, stored_words},
    store::{Inner, MongoStore},
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::*,
    storage::{ProductQuery, ProductStore, Result, StoreError},
};

stored_ids!(ProductId);
stored_by_text!(ProductStatus);

pub(super) fn encode(product: &Product) -> RawDocumentBuf {
    encode_with(product, words_of(product))
}

fn words_of(product: &Product) -> SearchWords {
    Product::search_words(&product.name, &product.sku, product.description.as_deref())
}

fn encode_with(product: &Product, words: SearchWords) -> RawDocumentBuf {
    let mut document = raw_document! {
        "_id": product.id, "sku": product.sku, "name": product.name, "name_key": Product::name_key(&product.name),
        "price": product.price, "currency": product.currency, "stock": product.stock, "status": product.status,
        "tags": product.tags, "version": product.version, "created_at": product.created_at,
        "updated_at": product.updated_at, "description": product.description,
    };
    metadata::append(&mut document, &product.metadata);
    append_words(&mut document, words);
    document
}

pub(super) fn decode(document: &RawDocument) -> Result<Product> {
    read_fields!(document,
        id: "_id", sku: "sku", name: "name", price: "price", currency: "currency", stock: "stock", status: "status",
        tags: "tags", version: "version", created_at: "created_at", updated_at: "updated_at",
        description: "description", public: "metadata", private: "private_metadata");
    Ok(Product {
        id: id.required()?,
        sku: sku.required()?,
        name: name.required()?,
        description: description.optional()?,
        price: price.required()?,
        currency: currency.required()?,
        stock: stock.required()?,
        status: status.required()?,
        tags: tags.required()?,
        metadata: metadata::decode(public, private)?,
        version: version.required()?,
        created_at: created_at.required()?,
        updated_at: updated_at.required()?,
    })
}

/// Leaves out the fields that are not asked for. Fields that are small but not needed are sent, because leaving them
/// out costs the server more.
pub(super) fn projection(fields: ProductFields) -> Document {
    if fields.description {
        doc! {}
    } else {
        doc! { "description": 0, "words": 0 }
    }
}

/// The filter, whose SKUs have been resolved.
fn filter(filter: &ProductFilter) -> Filter {
    let mut condition = doc! {};
    // Every index but that of ids begins with the status, so that what is not on sale costs customers nothing. There is no
    // index over all products: they are merged from the lists of every status.
    let mut index = Index::Sorted("status");
    let statuses = match filter.status {
        Some(status) => vec![status.into()],
        None => ProductStatus::ALL.map(Bson::from).to_vec(),
    };
    if let Some(tag) = &filter.tag {
        condition.insert("tags", tag);
        index = Index::Sorted("status_tags");
    }
    if let Some(in_stock) = filter.in_stock {
        condition.insert(
            "stock",
            if in_stock {
                doc! { "$gt": 0 }
            } else {
                doc! { "$lte": 0 }
            },
        );
    }
    let mut price = doc! {};
    if let Some(least) = filter.min_price {
        price.insert("$gte", least);
    }
    if let Some(most) = filter.max_price {
        price.insert("$lte", most);
    }
    if !price.is_empty() {
        condition.insert("price", price);
    }
    if let Some(terms) = &filter.search {
        condition.insert("words", contains_all(terms));
        index = Index::Named("status_words");
    }
    if let Some(metadata) = &filter.metadata {
        metadata::narrow(metadata, &mut condition, &mut index, filter.search.is_none());
    }
    if let Some(ids) = &filter.ids {
        condition.insert("_id", doc! { "$in": ids.clone() });
        index = Index::Named("_id_");
    }
    let by_id = matches!(index, Index::Named("_id_"));
    let any_of = (!by_id || filter.status.is_some()).then_some(("status", statuses));
    Filter::new(condition, any_of, index)
}

pub(super) fn listing(query: &ProductQuery) -> Listing<'_> {
    let key = match query.sort.field {
        ProductSort::CreatedAt => SortBy::Date("created_at"),
        ProductSort::Name => SortBy::Field("name_key"),
        ProductSort::Price => SortBy::Field("price"),
        ProductSort::Stock => SortBy::Field("stock"),
        ProductSort::Relevance => match &query.filter.search {
            Some(terms) => SortBy::Score(relevance(terms)),
            // `list_products` has refused such a list.
            None => SortBy::Score(doc! { "$literal": 0.0 }),
        },
    };
    Listing::new(query, filter(&query.filter), key, projection(query.fields))
}

fn refuse_relevance_without_search(queries: &[ProductQuery]) -> Result<()> {
    let has_key = |query: &ProductQuery| query.sort.field != ProductSort::Relevance || query.filter.search.is_some();
    if queries.iter().all(has_key) {
        return Ok(());
    }
    Err(StoreError::internal("a list without a search can't be sorted by relevance"))
}

fn score_of(document: &RawDocument) -> Result<f64> {
    read_fields!(document, score: "_score");
    debug_assert_eq!(score.key, SCORE);
    score.required()
}

#[async_trait]
impl ProductStore for MongoStore {
    async fn products_by_ids(&self, ids: &[ProductId]) -> Result<Vec<Option<Product>>> {
        let found = self.0.replicas.read(|| self.0.products_by("_id", ids.iter().copied())).await?;
        Ok(in_request_order(ids, found, |product| Some(product.id)))
    }

    async fn products_by_skus(&self, skus: &[String]) -> Result<Vec<Option<Product>>> {
        let read = || async {
            let owners = self.0.owners_of::<ProductId>(&self.0.collections.skus, skus.iter().cloned()).await?;
            self.0.products_by("_id", owners.into_values()).await
        };
        let found = self.0.replicas.read(read).await?;
        Ok(in_request_order(skus, found, |product| Some(product.sku.clone())))
    }

    async fn list_products(&self, queries: &[ProductQuery]) -> Result<Vec<Page<Product>>> {
        refuse_relevance_without_search(queries)?;
        let read = || async {
            let mut queries = queries.to_vec();
            self.0.resolve_skus(queries.iter_mut().map(|query| &mut query.filter)).await?;
            let listings: Vec<_> = queries.iter().map(listing).collect();
            let decode = |query: usize, row: &RawDocument| {
                let node = decode(row)?;
                let sort = queries[query].sort.field;
                let score = if sort == ProductSort::Relevance { score_of(row)? } else { 0.0 };
                Ok(Edge { position: sort.position(&node, score), node })
            };
            self.0.list(&self.0.collections.products, &listings, decode).await
        };
        self.0.replicas.read(read).await
    }

    async fn count_products(&self, filters: &[ProductFilter]) -> Result<Vec<u64>> {
        let read = || async {
            let mut filters = filters.to_vec();
            self.0.resolve_skus(filters.iter_mut()).await?;
            let filters = filters.iter().map(|one| {
                let by_price = one.min_price.is_some() || one.max_price.is_some();
                (filter(one), if by_price { "price" } else { "created_at" })
            });
            self.0.count(&self.0.collections.products, filters.collect()).await
        };
        self.0.replicas.read(read).await
    }

    async fn count_sales(&self, days: u32, limit: u32) -> Result<CountedSales> {
        self.0.transaction(move |transaction| Box::pin(transaction.count_sales(days, limit))).await
    }

    async fn insert_product(&self, product: Product, stamp: Stamp) -> Result<Product> {
        self.0
            .transaction(move |transaction| {
                let product = product.clone();
                Box::pin(async move {
                    transaction.check_permission(stamp).await?;
                    let skus = transaction.store.collections.skus.clone();
                    transaction.change_value(&skus, product.id.to_bytes(), None, Some(&product.sku)).await?;
                    let products = transaction.store.collections.products.clone();
                    transaction.insert(&products, vec![encode(&product)]).await?;
                    transaction.record(Changed::created(product), stamp).await
                })
            })
            .await
    }

    async fn update_product(
        &self,
        id: ProductId,
        changes: ProductChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Product> {
        self.0
            .transaction(move |transaction| {
                let changes = changes.clone();
                Box::pin(async move {
                    transaction.check_permission(stamp).await?;
                    let products = transaction.store.collections.products.clone();
                    let whole = |row: &RawDocument| Ok((decode(row)?, stored_words(row)?));
                    let (product, words) = transaction.find_one(&products, doc! { "_id": id }, whole).await?;
                    let Some(changed) = product.update(changes, expected_version, stamp)? else {
                        return Ok(product);
                    };
                    let new = &changed.value;
                    let same_text = new.name == product.name && new.description == product.description;
                    let words = if same_text { words } else { words_of(new) };
                    transaction.replace(&products, id, encode_with(new, words)).await?;
                    transaction.record(changed, stamp).await
                })
            })
            .await
    }

    async fn adjust_stock(&self, adjustment: StockAdjustment, stamp: Stamp) -> Result<Product> {
        self.0
            .transaction(move |transaction| {
                let adjustment = adjustment.clone();
                Box::pin(async move { transaction.adjust_stock(adjustment, stamp).await })
            })
            .await
    }
}

impl Inner {
    /// Puts the ids of products in the place of the SKUs that filters name. A SKU never changes.
    async fn resolve_skus<'f>(&self, filters: impl Iterator<Item = &'f mut ProductFilter>) -> Result<()> {
        let filters: Vec<_> = filters.filter(|filter| filter.skus.is_some()).collect();
        let named: BTreeSet<&String> = filters.iter().filter_map(|filter| filter.skus.as_ref()).flatten().collect();
        let owners = self.owners_of::<ProductId>(&self.collections.skus, named.into_iter().cloned()).await?;
        for filter in filters {
            let skus = filter.skus.take().unwrap_or_default();
            let mut ids: Vec<ProductId> = skus.iter().filter_map(|sku| owners.get(sku).copied()).collect();
            if let Some(asked) = &filter.ids {
                ids.retain(|id| asked.contains(id));
            }
            filter.ids = Some(ids);
        }
        Ok(())
    }

    async fn products_by(
        &self,
        field: &str,
        values: impl IntoIterator<Item = impl Into<bson::Bson>>,
    ) -> Result<Vec<Product>> {
        self.find_by(&self.collections.products, field, values, projection(ProductFields::ALL), decode).await
    }
}

impl Transaction {
    async fn adjust_stock(&mut self, adjustment: StockAdjustment, stamp: Stamp) -> TransactionResult<Product> {
        self.check_permission(stamp).await?;
        let StockAdjustment { product: id, delta, idempotency } = adjustment;
        if let Some(key) = &idempotency
            && let Some(used) = self.find_used_keys([key]).await?.get(&name_of(key))
        {
            let first: ProductId = key.replay(used)?.into();
            let product = self.products([first].into_iter()).await?.remove(&first);
            let value = product.ok_or_else(|| StoreError::internal("the product of an idempotency key is missing"))?;
            return Ok(value);
        }
        let products = self.store.collections.products.clone();
        let product = self.find_one(&products, doc! { "_id": id }, decode).await?;
        let changed = product.adjust_stock(delta, stamp)?;
        self.set_stock([&changed.value]).await?;
        if let Some(key) = &idempotency {
            self.insert_used_keys([(key, id.ulid())]).await?;
        }
        self.record(changed, stamp).await
    }

    /// Saves the stock of products, with their versions and times.
    pub(super) async fn set_stock<'p>(
        &mut self,
        products: impl IntoIterator<Item = &'p Product>,
    ) -> TransactionResult<()> {
        let updates: Vec<_> = products
            .into_iter()
            .map(|product| {
                let set = doc! {
                    "stock": product.stock, "version": product.version, "updated_at": product.updated_at,
                };
                (doc! { "_id": product.id }, doc! { "$set": set })
            })
            .collect();
        let collection = self.store.collections.products.clone();
        self.update_each(&collection, updates).await
    }
}
