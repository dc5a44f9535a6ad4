//! What an imported entity has to keep of the rules that its own history kept.

use crate::domain::{
    Decimal, Metadata, MetadataItems, Order, Product, Task, User, is_metadata_key, is_metadata_value,
    text::{self, TextFault},
};

use super::{
    super::super::input::{MAX_PRICE, MAX_TAGS},
    line::Line,
};

type Check = Result<(), String>;

/// Checks an entity on its own. The error says what is wrong, for people.
pub(super) fn check(line: &Line) -> Check {
    match line {
        Line::Product(product) => check_product(product),
        Line::Order(order) => check_order(order),
        Line::Task(task) => check_task(task),
        Line::User(user) => check_user(user),
        Line::Account { user, password_hash } => {
            check_user(user)?;
            holds(user.deleted_at.is_none(), "a deleted user has no password")?;
            holds(
                password_hash.starts_with("$argon2id$") && password_hash.len() <= 512,
                "passwordHash is no Argon2id hash",
            )
        }
    }
}

fn holds(condition: bool, otherwise: &str) -> Check {
    if condition { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// Checks that a rule of the API leaves a text as it is.
fn is_kept(field: &str, given: &str, kept: Result<String, TextFault>) -> Check {
    match kept {
        Ok(kept) if kept == given => Ok(()),
        Ok(_) => Err(format!("{field} is not in the form in which it is stored")),
        Err(fault) => Err(format!("{field} {fault}")),
    }
}

fn check_line(field: &str, given: Option<&String>) -> Check {
    given.map_or(Ok(()), |given| is_kept(field, given, text::line(given)))
}

fn check_description(given: Option<&String>) -> Check {
    let Some(given) = given else { return Ok(()) };
    is_kept("description", given, text::description(given.clone()).map(Option::unwrap_or_default))
}

fn check_metadata(metadata: &Metadata) -> Check {
    let check_items = |items: &MetadataItems| {
        holds(items.len() <= Metadata::MAX_ITEMS, "the metadata has too many items")?;
        holds(items.keys().all(|key| is_metadata_key(key)), "the metadata has a key that is none")?;
        holds(items.values().all(|value| is_metadata_value(value)), "the metadata has a value that is none")
    };
    check_items(&metadata.public)?;
    check_items(&metadata.private)
}

fn check_product(product: &Product) -> Check {
    is_kept("sku", &product.sku, text::sku(&product.sku))?;
    check_line("name", Some(&product.name))?;
    check_description(product.description.as_ref())?;
    holds((Decimal::ZERO..=MAX_PRICE).contains(&product.price), "price is out of range")?;
    holds(product.stock >= 0, "stock is negative")?;
    holds(product.tags.len() <= MAX_TAGS, "there are too many tags")?;
    product.tags.iter().try_for_each(|tag| check_line("tags", Some(tag)))?;
    holds(product.version > 0, "version must be above 0")?;
    check_metadata(&product.metadata)
}

fn check_order(order: &Order) -> Check {
    check_line("number", Some(&order.number))?;
    check_line("region", Some(&order.region))?;
    check_line("payment_reference", order.payment_reference.as_ref())?;
    holds(!order.items.is_empty(), "an order needs at least one item")?;
    let mut total = Some(Decimal::ZERO);
    for item in &order.items {
        holds(item.quantity > 0, "quantity must be above 0")?;
        let line = item.unit_price.checked_mul(item.quantity);
        holds(line == Some(item.line_total), "line_total is not quantity times unit_price")?;
        total = total.and_then(|total| total.checked_add(item.line_total));
    }
    holds(total == Some(order.total), "total is not the sum of the items")?;
    let last = order.history.last().map(|entry| entry.to);
    holds(last == Some(order.status), "the history does not end with the status")?;
    holds(order.version > 0, "version must be above 0")?;
    check_metadata(&order.metadata)
}

fn check_task(task: &Task) -> Check {
    check_line("title", Some(&task.title))?;
    check_description(task.description.as_ref())?;
    holds(task.version > 0, "version must be above 0")?;
    check_metadata(&task.metadata)
}

fn check_user(user: &User) -> Check {
    if let Some(email) = &user.email {
        is_kept("email", email, text::email(email))?;
    }
    holds(user.email.is_some() != user.is_deleted(), "a user has an email unless they are deleted")?;
    check_line("name", Some(&user.name))?;
    check_line("region", user.region.as_ref())?;
    holds(user.version > 0, "version must be above 0")?;
    check_metadata(&user.metadata)
}
