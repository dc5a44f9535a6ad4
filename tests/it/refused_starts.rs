//! Databases that a server refuses at start, with what to do about it. Nothing is written to them.

use std::process::Output;

use crate::cli_process::{Running, assert_refused, orderwire, stderr, stdout};

const OURS: &str = "q7Zt0Vw2mXc9Rb4KfYh6Jd8Ls1Np3GaE";
const THEIRS: &str = "n5Gt8Bw1cXz4Qb7JfUh3Kd6Ms9Rp2VaE";

/// Runs a command of the deployment with this secret to its end.
fn run_with(secret: &str, database: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = orderwire(folder.path(), arguments);
    command.env("JWT_SECRET", secret).env("DATABASE_URL", database).env("BIND", "127.0.0.1:0").output().unwrap()
}

/// Starts a server of the deployment with this secret, and stops it.
fn serve_with(secret: &str, database: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = orderwire(folder.path(), &["serve"]);
    command.env("JWT_SECRET", secret).env("DATABASE_URL", database).env("METRICS_BIND", "off");
    let (server, _) = Running::server(command);
    server.signal("TERM");
    let (status, printed) = server.end();
    assert!(status.success(), "{printed}");
}

fn a_database_of_another_deployment_is_refused_until_it_is_adopted(database: &str) {
    serve_with(OURS, database);
    for command in [&["serve"][..], &["log", "new-epoch"]] {
        let refused = run_with(THEIRS, database, command);
        assert_refused(&refused, 1, "cannot use the database: the database belongs to a deployment");
        assert!(stderr(&refused).contains("orderwire adopt-database"), "{}", stderr(&refused));
    }
    serve_with(OURS, database);
    let adopted = run_with(THEIRS, database, &["adopt-database"]);
    assert!(adopted.status.success(), "{}", stderr(&adopted));
    assert!(stdout(&adopted).contains("belongs to the deployment of this configuration"), "{}", stdout(&adopted));
    serve_with(THEIRS, database);
    assert_refused(&run_with(OURS, database, &["serve"]), 1, "signs tokens with another key");
}

#[test]
fn a_file_of_another_deployment_is_refused_until_it_is_adopted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    let database = format!("sqlite://{}", file.display());
    assert_refused(&run_with(OURS, &database, &["adopt-database"]), 1, "does not exist; set database.url");
    assert!(!file.exists());
    a_database_of_another_deployment_is_refused_until_it_is_adopted(&database);
    let folder = tempfile::tempdir().unwrap();
    let without_key = orderwire(folder.path(), &["adopt-database"]).env("DATABASE_URL", &database).output().unwrap();
    assert_refused(&without_key, 1, "can't be adopted without a signing key: set JWT_SECRET");
}

mod mongodb {
    use std::sync::{Arc, Mutex};

    use ::mongodb::{
        Client,
        bson::{Document, doc},
    };
    use orderwire::storage::{
        DeploymentId, EventStore, Store, StoreError,
        mongo::{CommandObserver, MongoOptions, MongoStore},
    };

    use crate::support::{
        data::{insert_products, place, product},
        mongod::Mongod,
        options::mongo_options,
        port::free_port,
    };

    /// Opens the database; fails with the reason, and checks that a refusal has written nothing.
    async fn open(url: &str, deployment: Option<DeploymentId>) -> Result<MongoStore, String> {
        let sent: Arc<Mutex<Vec<String>>> = Arc::default();
        let names = sent.clone();
        let observe = move |command: &Document| {
            names.lock().unwrap().extend(command.keys().next().cloned());
        };
        let on_command = Some(CommandObserver(Arc::new(observe)));
        let refused = match MongoStore::connect(url, MongoOptions { deployment, on_command, ..mongo_options() }).await {
            Ok(store) => return Ok(store),
            Err(StoreError::Internal(reason)) => reason.to_string(),
            Err(other) => panic!("waiting can't help, but it is {other:?}"),
        };
        let mut sent = sent.lock().unwrap().clone();
        sent.retain(|command| !["hello", "connectionStatus", "find", "endSessions"].contains(&command.as_str()));
        assert_eq!(sent, [""; 0], "{refused}");
        Err(refused)
    }

    fn refusal(opened: Result<MongoStore, String>) -> String {
        opened.err().expect("it is refused")
    }

    /// A server with access control and these users: `root`, who may everything, `reader` and `keeper` of the database
    /// `shop`, and `indexless`, who may everything there but create indexes. Each has the own name as the password.
    async fn guarded_server(keys: &tempfile::TempDir) -> Mongod {
        use std::os::unix::fs::PermissionsExt;
        let key = keys.path().join("key");
        std::fs::write(&key, "c2VjcmV0IG9mIHRoZSBtZW1iZXJz").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let server = Mongod::start_with(free_port(), &["--keyFile", key.to_str().unwrap()]).await;
        let root = doc! { "createUser": "root", "pwd": "root", "roles": ["root"] };
        server.admin.run_command(root).await.unwrap();
        let url = format!("mongodb://root:root@127.0.0.1:{}/?directConnection=true", server.port);
        let admin = Client::with_uri_str(&url).await.unwrap().database("admin");
        let role = doc! {
            "createRole": "indexless", "roles": [], "privileges": [{
                "resource": { "db": "shop", "collection": "" },
                "actions": ["createCollection", "find", "insert", "remove", "update"],
            }],
        };
        admin.run_command(role).await.unwrap();
        for (name, role) in [
            ("reader", doc! { "role": "read", "db": "shop" }),
            ("keeper", doc! { "role": "readWrite", "db": "shop" }),
            ("indexless", doc! { "role": "indexless", "db": "admin" }),
        ] {
            admin.run_command(doc! { "createUser": name, "pwd": name, "roles": [role] }).await.unwrap();
        }
        server
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_user_without_the_rights_is_refused_with_the_rights_that_are_missing() {
        let keys = tempfile::tempdir().unwrap();
        let server = guarded_server(&keys).await;
        let url = |user: &str| {
            let at = if user.is_empty() { String::new() } else { format!("{user}:{user}@") };
            format!("mongodb://{at}127.0.0.1:{}/shop?replicaSet=rs0&authSource=admin", server.port)
        };
        let why = refusal(open(&url(""), None).await);
        assert!(why.contains("asks for a user: put name and password into database.url"), "{why}");
        for (user, missing) in
            [("reader", "createCollection, createIndex, insert, remove, update"), ("indexless", "createIndex")]
        {
            let why = refusal(open(&url(user), None).await);
            let expected = format!("the MongoDB user {user} lacks rights on the database shop: {missing}; grant");
            assert!(why.starts_with(&expected) && why.contains("readWrite"), "{why}");
        }
        let root = Client::with_uri_str(&url("root")).await.unwrap();
        assert!(!root.list_database_names().await.unwrap().contains(&"shop".to_owned()), "nothing was written");

        // The rights that are asked for are enough.
        let store = open(&url("keeper"), None).await.unwrap();
        let lamp = product("lamp");
        insert_products(&store, &[&lamp]).await;
        place(&store, "1", &[(&lamp, 1)]).await.unwrap();
        store.catch_up_log().await.unwrap();
        assert_eq!(store.log_state().await.unwrap().head, 3);
        store.close().await;
    }

    fn url_of(database: &str) -> String {
        let server = std::env::var("ORDERWIRE_TEST_MONGODB_URL").expect(
            "ORDERWIRE_TEST_MONGODB_URL names no MongoDB; start the tests with: scripts/services run cargo nextest run",
        );
        let (address, options) = server.split_once('?').unwrap_or((&server, ""));
        format!("{}/{database}?{options}", address.trim_end_matches('/'))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_of_another_deployment_or_a_newer_version_is_refused_before_anything_is_written() {
        let name = format!("refused_{:032x}", rand::random::<u128>());
        let url = url_of(&name);
        open(&url, Some(DeploymentId(1))).await.unwrap().close().await;
        let why = refusal(open(&url, Some(DeploymentId(2))).await);
        assert!(why.contains("signs tokens with another key"), "{why}");
        let database = Client::with_uri_str(&url).await.unwrap().database(&name);
        let newer = doc! { "$set": { "version": 1000 } };
        database.collection::<Document>("counters").update_one(doc! { "_id": "log" }, newer).await.unwrap();
        let why = refusal(open(&url, Some(DeploymentId(1))).await);
        assert!(why.contains("newer version of Orderwire"), "{why}");
        database.drop().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_of_another_deployment_is_refused_until_it_is_adopted() {
        let name = format!("refused_{:032x}", rand::random::<u128>());
        let url = url_of(&name);
        let cli = url.clone();
        let run = move || super::a_database_of_another_deployment_is_refused_until_it_is_adopted(&cli);
        let outcome = tokio::task::spawn_blocking(run).await;
        Client::with_uri_str(&url).await.unwrap().database(&name).drop().await.unwrap();
        outcome.unwrap();
    }
}
