//! Checks at start that the database user has the rights that Orderwire needs, before anything is written.

use std::collections::BTreeSet;

use bson::{Document, doc};
use mongodb::{
    Database,
    error::{Error, ErrorKind},
};

use super::{read::OPERATION_TIMEOUT, shard_keys::SHARDED_COLLECTIONS};
use crate::storage::{Result, StoreError};

/// `Unauthorized`.
const UNAUTHORIZED: i32 = 13;
/// The actions that are needed on each collection, all of which the role `readWrite` contains.
/// <https://www.mongodb.com/docs/manual/reference/privilege-actions/>
const NEEDED: [&str; 6] = ["createCollection", "createIndex", "find", "insert", "remove", "update"];

/// Fails with the rights that the database user lacks. A server without access control allows everything.
pub(super) async fn check(database: &Database) -> Result<()> {
    let status = database.run_command(doc! { "connectionStatus": 1, "showPrivileges": true }).await?;
    let auth = status.get_document("authInfo").map_err(StoreError::internal)?;
    let Some(user) = documents(auth, "authenticatedUsers").next() else {
        return allows_anybody(database).await;
    };
    let missing = missing_rights(auth, database.name());
    if missing.is_empty() {
        return Ok(());
    }
    let (name, of) = (user.get_str("user").unwrap_or("?"), user.get_str("db").unwrap_or("admin"));
    let rights = missing.into_iter().collect::<Vec<_>>().join(", ");
    let database = database.name();
    Err(StoreError::internal(format!(
        "the MongoDB user {name} lacks rights on the database {database}: {rights}; grant them with the role readWrite: \
         db.getSiblingDB(\"{of}\").grantRolesToUser(\"{name}\", [{{ role: \"readWrite\", db: \"{database}\" }}])"
    )))
}

/// Whether the server allows everything to somebody without a name.
async fn allows_anybody(database: &Database) -> Result<()> {
    let counters = database.collection::<Document>("counters");
    match counters.find_one(doc! { "_id": "log" }).max_time(OPERATION_TIMEOUT).await {
        Err(error) if is_unauthorized(&error) => Err(StoreError::internal(
            "MongoDB asks for a user: put name and password into database.url (mongodb://NAME:PASSWORD@HOST/…)",
        )),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

fn is_unauthorized(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(command) if command.code == UNAUTHORIZED)
}

/// The rights that are missing on any of the collections, by what `connectionStatus` says.
fn missing_rights(auth: &Document, database: &str) -> BTreeSet<&'static str> {
    let privileges: Vec<&Document> = documents(auth, "authenticatedUserPrivileges").collect();
    let may = |action: &str, collection: &str| {
        privileges.iter().any(|privilege| {
            let covers = privilege.get_document("resource").is_ok_and(|it| covers(it, database, collection));
            covers && privilege.get_array("actions").is_ok_and(|them| them.iter().any(|it| it.as_str() == Some(action)))
        })
    };
    let is_missing = |action: &&str| !SHARDED_COLLECTIONS.iter().all(|collection| may(action, collection.name));
    NEEDED.into_iter().filter(is_missing).collect()
}

/// Whether a resource of a privilege contains the collection. An empty name stands for all databases or collections.
fn covers(resource: &Document, database: &str, collection: &str) -> bool {
    let names = |key, wanted: &str| resource.get_str(key).is_ok_and(|name| name.is_empty() || name == wanted);
    resource.get_bool("anyResource").unwrap_or(false) || names("db", database) && names("collection", collection)
}

fn documents<'d>(from: &'d Document, key: &str) -> impl Iterator<Item = &'d Document> {
    from.get_array(key).into_iter().flatten().filter_map(|value| value.as_document())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_counts_when_it_covers_every_collection() {
        let privilege = |db: &str, collection: &str, actions: &[&str]| {
            doc! { "resource": { "db": db, "collection": collection }, "actions": actions }
        };
        let missing = |privileges: Vec<Document>| {
            let auth = doc! { "authenticatedUserPrivileges": privileges };
            missing_rights(&auth, "shop").into_iter().collect::<Vec<_>>()
        };
        assert_eq!(missing(vec![privilege("shop", "", &NEEDED)]), [""; 0]);
        assert_eq!(missing(vec![privilege("", "", &NEEDED)]), [""; 0]);
        assert_eq!(missing(vec![doc! { "resource": { "anyResource": true }, "actions": &NEEDED[..] }]), [""; 0]);
        let each = SHARDED_COLLECTIONS.iter().map(|collection| privilege("shop", collection.name, &NEEDED));
        assert_eq!(missing(each.clone().collect()), [""; 0]);
        assert_eq!(missing(each.skip(1).collect()), NEEDED);
        assert_eq!(missing(vec![privilege("other", "", &NEEDED)]), NEEDED);
        let reader = vec![privilege("shop", "", &["find"]), privilege("shop", "users", &["insert"])];
        assert_eq!(missing(reader), ["createCollection", "createIndex", "insert", "remove", "update"]);
        assert_eq!(missing(vec![doc! { "resource": { "cluster": true }, "actions": ["find"] }]), NEEDED);
    }
}
