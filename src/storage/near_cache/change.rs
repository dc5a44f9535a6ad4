//! What entries of the log, and writes of this node, change of what the cache holds.

use smallvec::SmallVec;

use crate::domain::{
    Entity, Event, EventKind, Order, OrderFilter, OrderId, ProductFilter, ProductId, ProductSort, TaskFilter, TaskId,
    UserId,
};

/// Something that the cache holds copies of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Change {
    /// A product.
    Product(ProductId),
    /// An order.
    Order(OrderId),
    /// A task.
    Task(TaskId),
    /// A user.
    User(UserId),
    /// Which products there are, and everything about them but their stock.
    Products,
    /// The stock of products.
    Stock,
    /// Which orders there are.
    Orders,
    /// Which orders a customer has.
    OrdersOf(UserId),
    /// The status of orders.
    Statuses,
    /// The status of a customer's orders.
    StatusesOf(UserId),
    /// Which tasks there are, and everything about them.
    Tasks,
    /// The tasks that a user made, or is or was assigned to.
    TasksOf(UserId),
    /// The tasks of users who are not known.
    TasksOfSomebody,
    /// Which users there are, and everything about them.
    Users,
}

/// Some changes.
pub(super) type ChangeList = SmallVec<[Change; 4]>;

impl Change {
    /// What an entry of the log changes, the entity first.
    pub(super) fn of_event(event: &Event) -> ChangeList {
        match &event.entity {
            // Nothing else than the stock is another one.
            Entity::Product(product) if event.before.stock.is_some() => list([Self::Product(product.id), Self::Stock]),
            Entity::Product(product) => list([Self::Product(product.id)].into_iter().chain(Self::PRODUCTS)),
            Entity::Order(order) => {
                let (new, status) = (Self::with_new_order(order), Self::with_status(order));
                let lists: ChangeList = match event.kind {
                    EventKind::Created => list(new),
                    EventKind::StatusChanged => list(status),
                    EventKind::Updated | EventKind::Deleted => list(new.into_iter().chain(status)),
                };
                list([Self::Order(order.id)].into_iter().chain(lists))
            }
            Entity::Task(task) => {
                let users = event.audience().map(Self::TasksOf);
                list([Self::Task(task.id), Self::Tasks].into_iter().chain(users))
            }
            Entity::User(user) => list([Self::User(user.id), Self::Users]),
            Entity::Rights(_) => ChangeList::new(),
        }
    }

    /// What changes with a product, if it may be more than the stock.
    pub(super) const PRODUCTS: [Self; 2] = [Self::Stock, Self::Products];

    /// What changes with a task whose owners before are not known.
    pub(super) const TASKS: [Self; 2] = [Self::Tasks, Self::TasksOfSomebody];

    /// What changes with a new order, apart from the stock of its products.
    pub(super) fn with_new_order(order: &Order) -> [Self; 2] {
        [Self::Orders, Self::OrdersOf(order.customer)]
    }

    /// What changes with another status of an order, apart from the stock of its products.
    pub(super) fn with_status(order: &Order) -> [Self; 2] {
        [Self::Statuses, Self::StatusesOf(order.customer)]
    }

    /// What a page of this list of products depends on.
    pub(super) fn of_product_list(filter: &ProductFilter, sort: ProductSort) -> ChangeList {
        let by_stock = filter.in_stock.is_some() || sort == ProductSort::Stock;
        [Self::Products].into_iter().chain(by_stock.then_some(Self::Stock)).collect()
    }

    /// What a page of this list of orders depends on. All else about an order stays as it was placed.
    pub(super) fn of_order_list(filter: &OrderFilter) -> ChangeList {
        let (which, status) = match filter.customer {
            Some(customer) => (Self::OrdersOf(customer), Self::StatusesOf(customer)),
            None => (Self::Orders, Self::Statuses),
        };
        [which].into_iter().chain(filter.statuses.is_some().then_some(status)).collect()
    }

    /// What a page of this list of tasks depends on.
    pub(super) fn of_task_list(filter: &TaskFilter) -> ChangeList {
        let user = filter.visible_to.or(filter.assignee).or(filter.created_by);
        [user.map_or(Self::Tasks, Self::TasksOf), Self::TasksOfSomebody].into_iter().collect()
    }

    /// Whether it is about one entity, not about lists.
    pub(super) fn is_of_entity(self) -> bool {
        matches!(self, Self::Product(_) | Self::Order(_) | Self::Task(_) | Self::User(_))
    }

    /// Whether it is about the lists of one user.
    pub(super) fn is_of_user(self) -> bool {
        matches!(self, Self::OrdersOf(_) | Self::StatusesOf(_) | Self::TasksOf(_))
    }
}

fn list(changes: impl IntoIterator<Item = Change>) -> ChangeList {
    changes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        CurrencyCode, Decimal, EventDraft, NewProduct, ProductChanges, Stamp, Task, TaskChanges, Timestamp,
    };

    const AT: Timestamp = Timestamp::from_unix_millis(1);

    fn changes(draft: EventDraft) -> Vec<Change> {
        Change::of_event(&draft.numbered(1)).into_vec()
    }

    #[test]
    fn stock_alone_changes_no_list_that_does_not_ask_for_it() {
        let stamp = Stamp::system(AT);
        let new = NewProduct::new("lamp", "Lamp", Decimal::ZERO, CurrencyCode::GBP);
        let lamp = new.create(ProductId::generate(AT), AT);
        let adjusted = lamp.clone().adjust_stock(5, stamp).unwrap();
        assert_eq!(changes(adjusted.draft(stamp)), [Change::Product(lamp.id), Change::Stock]);
        let archived = lamp.update(ProductChanges::archive(), None, stamp).unwrap().unwrap();
        assert_eq!(changes(archived.draft(stamp)), [Change::Product(lamp.id), Change::Stock, Change::Products]);
        let list = |in_stock, sort| {
            Change::of_product_list(&ProductFilter { in_stock, ..ProductFilter::default() }, sort).into_vec()
        };
        assert_eq!(list(None, ProductSort::Name), [Change::Products]);
        assert_eq!(list(Some(true), ProductSort::Name), [Change::Products, Change::Stock]);
        assert_eq!(list(None, ProductSort::Stock), [Change::Products, Change::Stock]);
    }

    #[test]
    fn a_task_that_is_given_away_changes_the_lists_of_both_assignees() {
        let [maker, anna, ben] = [1, 2, 3].map(|number| UserId::from_bytes([number; 16]));
        let task = Task { assignee: Some(anna), ..Task::new(TaskId::generate(AT), "work", maker, AT) };
        let to_ben = TaskChanges { assignee: Some(Some(ben)), ..TaskChanges::default() };
        let given = task.update(to_ben, None, Stamp::system(AT)).unwrap().unwrap();
        let changed = changes(given.draft(Stamp::system(AT)));
        for user in [maker, anna, ben] {
            assert!(changed.contains(&Change::TasksOf(user)), "{changed:?}");
        }
    }
}
