//! Products and their stock.

mod list;
mod status;

pub use self::{
    list::{ProductFields, ProductFilter, ProductSort},
    status::ProductStatus,
};

use serde::{Deserialize, Serialize};

use super::{
    Before, Changed, CurrencyCode, Decimal, EventKind, Idempotency, Money, Refusal, Scope, SearchWords, Stamp,
    Timestamp, Viewer,
    id::define_id,
    search::name_key,
    version::{check_version, next_version},
};

define_id!(
    /// Id of a [`Product`].
    ProductId, "prd"
);

/// A product of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Id with the prefix `prd_`.
    pub id: ProductId,
    /// Unique, case-sensitive stock keeping unit.
    pub sku: String,
    /// Display name.
    pub name: String,
    /// Longer text; `None` also when it was not read, see [`ProductFields`].
    pub description: Option<String>,
    /// Price of one unit, not negative.
    pub price: Decimal,
    /// Currency of the price.
    pub currency: CurrencyCode,
    /// Units on hand, never negative.
    pub stock: i32,
    /// Whether it can be bought.
    pub status: ProductStatus,
    /// Free labels, in the order given.
    pub tags: Vec<String>,
    /// Starts at 1 and grows by 1 with each change, of the stock too.
    pub version: i32,
    /// Time when it was added.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

impl Product {
    /// Price with its currency.
    pub fn money(&self) -> Money {
        Money { amount: self.price, currency: self.currency }
    }

    /// The product after a change by staff; `None` if the product has all the new values already. `expected_version`
    /// refuses a change of another version.
    pub fn update(
        &self,
        changes: ProductChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Option<Changed<Self>>, Refusal> {
        if changes == ProductChanges::default() {
            return Err(Refusal::NothingToChange);
        }
        check_version(expected_version, self.version)?;
        let old = self.clone();
        let product = Self {
            name: changes.name.unwrap_or(old.name),
            description: changes.description.unwrap_or(old.description),
            price: changes.price.unwrap_or(old.price),
            tags: changes.tags.unwrap_or(old.tags),
            status: changes.status.unwrap_or(old.status),
            ..old
        };
        if product == *self {
            return Ok(None);
        }
        let product_status = (product.status != self.status).then_some(self.status);
        let before = Before { product_status, ..Before::default() };
        let value = Self { version: next_version(self.version)?, updated_at: stamp.at, ..product };
        Ok(Some(Changed { kind: EventKind::Updated, value, before }))
    }

    /// Whether the other is a version of this product of which nothing but the stock is different.
    pub fn differs_by_stock(&self, other: &Self) -> bool {
        let Self { stock, version, updated_at, .. } = *other;
        Self { stock, version, updated_at, ..self.clone() } == *other
    }

    /// The product after `delta` units were added to its stock, or taken from it when negative.
    pub fn adjust_stock(self, delta: i32, stamp: Stamp) -> Result<Changed<Self>, Refusal> {
        let stock = self.stock.checked_add(delta).ok_or(Refusal::StockOutOfRange)?;
        if stock < 0 {
            return Err(Refusal::InsufficientStock { input_index: 0, available: self.stock });
        }
        self.with_stock(stock, stamp)
    }

    /// The product after `returned` units came back to it. Past the range of an `i32` the stock stays at its largest
    /// value, because nobody could correct an order whose cancellation is refused for a full shelf.
    pub(super) fn restock(self, returned: i64, stamp: Stamp) -> Result<Changed<Self>, Refusal> {
        let stock = i64::from(self.stock).saturating_add(returned);
        self.with_stock(i32::try_from(stock).unwrap_or(i32::MAX), stamp)
    }

    /// The product with another stock: a change like any other.
    pub(super) fn with_stock(self, stock: i32, stamp: Stamp) -> Result<Changed<Self>, Refusal> {
        let before = Before { stock: Some(self.stock), ..Before::default() };
        let value = Self { stock, version: next_version(self.version)?, updated_at: stamp.at, ..self };
        Ok(Changed { kind: EventKind::Updated, value, before })
    }

    /// The words by which a product is found.
    pub fn search_words(name: &str, sku: &str, description: Option<&str>) -> SearchWords {
        SearchWords::of([name, sku], description)
    }

    /// The form of a name by which lists are sorted, at most 400 characters.
    pub fn name_key(name: &str) -> String {
        name_key(name)
    }
}

impl Viewer {
    /// Whether the viewer may know that this product exists.
    pub fn sees_product(&self, product: &Product) -> bool {
        self.sees_products_of(product.status)
    }

    /// Whether the viewer is told of the change that made this product and replaced `before`: they see it now, or saw it
    /// until this change, and so hear once that it went off sale.
    pub fn hears_of_product(&self, product: &Product, before: &Before) -> bool {
        self.sees_product(product) || before.product_status.is_some_and(|status| self.sees_products_of(status))
    }

    fn sees_products_of(&self, status: ProductStatus) -> bool {
        status.is_on_sale() || self.may(Scope::ReadProducts)
    }
}

/// What a new product is made from; it starts active at version 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProduct {
    /// Unique stock keeping unit.
    pub sku: String,
    /// Display name.
    pub name: String,
    /// Longer text.
    pub description: Option<String>,
    /// Price of one unit.
    pub price: Decimal,
    /// Currency of the price.
    pub currency: CurrencyCode,
    /// Units on hand.
    pub stock: i32,
    /// Free labels.
    pub tags: Vec<String>,
}

impl NewProduct {
    /// A product with the fields that every product has. It has no stock yet, and its optional fields are empty.
    pub fn new(sku: impl Into<String>, name: impl Into<String>, price: Decimal, currency: CurrencyCode) -> Self {
        Self { sku: sku.into(), name: name.into(), description: None, price, currency, stock: 0, tags: Vec::new() }
    }

    /// The product made from this, with the given id.
    pub fn create(self, id: ProductId, at: Timestamp) -> Product {
        Product {
            id,
            sku: self.sku,
            name: self.name,
            description: self.description,
            price: self.price,
            currency: self.currency,
            stock: self.stock,
            status: ProductStatus::Active,
            tags: self.tags,
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }
}

/// A correction of a product's stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockAdjustment {
    /// Id of the product, which may be archived.
    pub product: ProductId,
    /// Units to add, or to take when negative.
    pub delta: i32,
    /// Makes the adjustment safe to repeat.
    pub idempotency: Option<Idempotency>,
}

/// A change of a product: `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductChanges {
    /// A new name.
    pub name: Option<String>,
    /// A new description, or `Some(None)` to remove it.
    pub description: Option<Option<String>>,
    /// A new price in the same currency.
    pub price: Option<Decimal>,
    /// New labels, in place of all old ones.
    pub tags: Option<Vec<String>>,
    /// A new status.
    pub status: Option<ProductStatus>,
}

impl ProductChanges {
    /// Takes the product off sale.
    pub fn archive() -> Self {
        Self { status: Some(ProductStatus::Archived), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EventDraft;

    const STAMP: Stamp = Stamp::system(Timestamp::from_unix_millis(2));

    fn lamp(stock: i32) -> Product {
        let new = NewProduct::new("lamp", "Lamp", Decimal::from_units(10_000), CurrencyCode::GBP);
        let at = Timestamp::from_unix_millis(1);
        NewProduct { stock, ..new }.create(ProductId::generate(at), at)
    }

    #[test]
    fn stock_is_adjusted_within_its_range() {
        let adjusted = |stock, delta| lamp(stock).adjust_stock(delta, STAMP).map(|changed| changed.value.stock);
        assert_eq!(adjusted(10, -10), Ok(0));
        assert_eq!(adjusted(10, -11), Err(Refusal::InsufficientStock { input_index: 0, available: 10 }));
        assert_eq!(adjusted(0, i32::MIN), Err(Refusal::InsufficientStock { input_index: 0, available: 0 }));
        assert_eq!(adjusted(0, i32::MAX), Ok(i32::MAX));
        assert_eq!(adjusted(1, i32::MAX), Err(Refusal::StockOutOfRange));
    }

    #[test]
    fn returned_stock_stops_at_the_largest_value() {
        let restocked = |stock, returned| lamp(stock).restock(returned, STAMP).unwrap().value.stock;
        assert_eq!(restocked(1, 2), 3);
        assert_eq!(restocked(i32::MAX, 1), i32::MAX);
        assert_eq!(restocked(1, i64::MAX), i32::MAX);
    }

    #[test]
    fn a_change_is_a_new_version_with_its_entry() {
        let lamp = lamp(1);
        let changes = ProductChanges { name: Some("Lantern".to_owned()), ..ProductChanges::default() };
        let changed = lamp.update(changes, Some(1), STAMP).unwrap().unwrap();
        let expected = Product { name: "Lantern".to_owned(), version: 2, updated_at: STAMP.at, ..lamp };
        assert_eq!(changed.value, expected);
        let draft = changed.draft(STAMP);
        assert_eq!(draft, EventDraft { id: draft.id, ..EventDraft::new(EventKind::Updated, expected, STAMP) });
    }

    #[test]
    fn an_entry_says_whether_nothing_but_the_stock_changed() {
        let before = |changed: Changed<Product>| changed.draft(STAMP).before.stock;
        assert_eq!(before(lamp(3).adjust_stock(-1, STAMP).unwrap()), Some(3));
        assert_eq!(before(lamp(3).restock(1, STAMP).unwrap()), Some(3));
        assert_eq!(before(lamp(3).update(ProductChanges::archive(), None, STAMP).unwrap().unwrap()), None);
    }

    #[test]
    fn a_product_that_is_archived_is_heard_of_once_more() {
        let lamp = lamp(1);
        let archived = lamp.update(ProductChanges::archive(), None, STAMP).unwrap().unwrap();
        let renamed = ProductChanges { name: Some("Lantern".to_owned()), ..ProductChanges::default() };
        let renamed = archived.value.update(renamed, None, STAMP).unwrap().unwrap();
        let on_sale = ProductChanges { status: Some(ProductStatus::Active), ..ProductChanges::default() };
        let back = renamed.value.update(on_sale, None, STAMP).unwrap().unwrap();
        let statuses = [&archived, &renamed, &back].map(|changed| changed.draft(STAMP).before.product_status);
        assert_eq!(statuses, [Some(ProductStatus::Active), None, Some(ProductStatus::Archived)]);
        let heard = |viewer: Viewer| {
            [&archived, &renamed, &back].map(|changed| viewer.hears_of_product(&changed.value, &changed.before))
        };
        assert_eq!(heard(Viewer::Anonymous), [true, false, true]);
        assert_eq!(heard(Viewer::System), [true, true, true]);
    }

    #[test]
    fn an_update_needs_a_field_and_another_value_makes_the_version() {
        let old = lamp(1);
        assert_eq!(old.update(ProductChanges::default(), Some(7), STAMP), Err(Refusal::NothingToChange));
        let same = ProductChanges {
            name: Some(old.name.clone()),
            description: Some(None),
            price: Some(old.price),
            tags: Some(Vec::new()),
            status: Some(old.status),
        };
        assert_eq!(old.update(same.clone(), Some(1), STAMP), Ok(None));
        assert_eq!(old.update(same.clone(), Some(7), STAMP), Err(Refusal::VersionMismatch { actual: 1 }));
        let new = Product { tags: vec!["a".to_owned()], version: 2, updated_at: STAMP.at, ..old.clone() };
        let changed = Changed::new(EventKind::Updated, new);
        let tagged = ProductChanges { tags: Some(vec!["a".to_owned()]), ..same };
        assert_eq!(old.update(tagged, None, STAMP), Ok(Some(changed)));
    }
}
