//! Reads while another member of the replica set becomes the primary.

mod mongodb {
    use std::{
        sync::{Arc, Mutex, mpsc},
        time::Duration,
    };

    use ::mongodb::bson::{Document, doc};
    use orderwire::{
        domain::{EntityKind, LogFilter, Product},
        storage::{
            EventStore, LogPage, LogState, ProductStore, Result,
            mongo::{CommandObserver, MongoOptions, MongoStore},
        },
    };
    use tokio::{task::JoinHandle, time::timeout};

    use crate::support::{
        data::{buyer, insert_products, place, product},
        mongod::Mongod,
        options::mongo_options,
    };

    /// Longer than a server takes to answer that does not wait.
    const AT_ONCE: Duration = Duration::from_millis(700);
    /// A fail point with which a server learns of no write that a majority has confirmed.
    const UNCONFIRMED: &str = "disableSnapshotting";

    /// What a node reads of the log and of a product.
    #[derive(Debug, PartialEq)]
    struct Reads {
        state: LogState,
        pages: Vec<LogPage>,
        product: Option<Product>,
    }

    /// The filters of those who watch everything, a kind, their own orders, and one entity.
    fn filters(lamp: &Product) -> [LogFilter; 4] {
        [
            LogFilter::ALL,
            LogFilter { kind: Some(EntityKind::Order), ..LogFilter::ALL },
            LogFilter { kind: Some(EntityKind::Order), user: Some(buyer()), ..LogFilter::ALL },
            LogFilter { entity: Some(lamp.id.ulid()), ..LogFilter::ALL },
        ]
    }

    async fn read_all(store: &MongoStore, lamp: &Product) -> Reads {
        let state = store.log_state().await.unwrap();
        let mut pages = Vec::new();
        for filter in filters(lamp) {
            pages.push(store.read_log(0, filter, 1000).await.unwrap());
        }
        let product = store.products_by_ids(&[lamp.id]).await.unwrap().remove(0);
        Reads { state, pages, product }
    }

    /// How many entries a reader finds on this server who has read nothing before.
    async fn entries_on(server: &Mongod) -> usize {
        let log = server.admin.client().database("shop").collection::<Document>("log");
        let mut chunks = log.find(doc! {}).read_concern(::mongodb::options::ReadConcern::majority()).await.unwrap();
        let mut entries = 0;
        while chunks.advance().await.unwrap() {
            entries += chunks.deserialize_current().unwrap().get_array("entries").unwrap().len();
        }
        entries
    }

    /// The result of a read that began while `server` knew less than the primary before it.
    async fn after_confirmation<T>(server: &Mongod, mut read: JoinHandle<T>) -> T {
        // A read that does not wait for what the store has seen ends here, and is wrong.
        let at_once = timeout(AT_ONCE, &mut read).await;
        server.set_fail_point(UNCONFIRMED, false).await;
        match at_once {
            Ok(read) => read.unwrap(),
            Err(_) => timeout(Duration::from_secs(60), read).await.expect("the read ends").unwrap(),
        }
    }

    /// Stops the store right before it asks for the chunks of a filtered page, once the test has asked for that.
    struct Pause {
        /// Receives when the store has stopped.
        stopped: mpsc::Receiver<()>,
        go_on: mpsc::Sender<()>,
        is_wanted: Arc<Mutex<bool>>,
    }

    impl Pause {
        fn new() -> (Self, CommandObserver) {
            let (stop, stopped) = mpsc::channel();
            let (go_on, gone_on) = mpsc::channel();
            let is_wanted = Arc::new(Mutex::new(false));
            let (wanted, gone_on) = (is_wanted.clone(), Mutex::new(gone_on));
            let observer = CommandObserver(Arc::new(move |command| {
                let is = |key: &str, value: &str| command.get_str(key).is_ok_and(|found| found == value);
                let is_page = is("find", "log") && is("hint", "about");
                if is_page && std::mem::take(&mut *wanted.lock().unwrap()) {
                    stop.send(()).unwrap();
                    let _ = gone_on.lock().unwrap().recv();
                }
            }));
            (Self { stopped, go_on, is_wanted }, observer)
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn reads_never_go_back_when_another_member_becomes_the_primary() {
        let members: [Mongod; 2] = Mongod::start_members().await;
        let url = Mongod::url_of(&members);
        let [first, second] = members;
        let (pause, on_command) = Pause::new();
        let options = MongoOptions {
            server_selection_timeout: Duration::from_secs(30),
            on_command: Some(on_command),
            ..mongo_options()
        };
        let store = Arc::new(MongoStore::connect(&url, options).await.unwrap());
        let lamp = Product { stock: 1000, ..product("lamp") };
        insert_products(&*store, &[&lamp]).await;
        let mut entries = 0;
        let mut order = async |server: &Mongod| {
            place(&*store, &format!("{entries}"), &[(&lamp, 1)]).await.unwrap();
            entries += 2;
            store.catch_up_log().await.unwrap();
            assert_eq!(entries_on(server).await, entries + 1, "the primary shows what it has confirmed");
        };
        order(&first).await;

        // A read that begins after another member has become the primary.
        second.set_fail_point(UNCONFIRMED, true).await;
        order(&first).await;
        let seen = read_all(&store, &lamp).await;
        second.take_over().await;
        assert!(entries_on(&second).await < seen.pages[0].events.len(), "the new primary knows less");
        let read = tokio::spawn({
            let (store, lamp) = (store.clone(), lamp.clone());
            async move { read_all(&store, &lamp).await }
        });
        assert_eq!(after_confirmation(&second, read).await, seen);

        // A page of which the end of the log was read on one primary and the entries are read on the next.
        order(&second).await;
        first.set_fail_point(UNCONFIRMED, true).await;
        order(&second).await;
        let filter = filters(&lamp)[2];
        let seen = store.read_log(0, filter, 1000).await.unwrap();
        assert_eq!((seen.events.len(), seen.has_more), (4, false));
        *pause.is_wanted.lock().unwrap() = true;
        let read: JoinHandle<Result<LogPage>> = tokio::spawn({
            let store = store.clone();
            async move { store.read_log(0, filter, 1000).await }
        });
        let pause = tokio::task::spawn_blocking(move || {
            pause.stopped.recv_timeout(Duration::from_secs(60)).expect("the store has read the end of the log");
            pause
        });
        let pause = pause.await.unwrap();
        first.take_over().await;
        assert!(entries_on(&first).await < entries + 1, "the new primary knows less");
        pause.go_on.send(()).unwrap();
        assert_eq!(after_confirmation(&first, read).await.unwrap(), seen);
    }
}
