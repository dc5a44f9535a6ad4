//! Access tokens that a node has verified before: they are refused as soon as any other would be.

use std::time::Duration;

use orderwire::{
    auth::AccessToken,
    domain::{UserRole, Viewer},
    service::{ServiceError, SignIn},
};

use crate::support::{
    api::{PASSWORD, TestApi},
    wait_until,
};

on_each_engine! {
    a_used_token_ends_with_its_session_and_its_user_on_every_node
    a_used_token_gets_the_new_role_of_its_user_on_every_node
    a_used_token_does_not_make_its_other_spellings_good
}

/// The promised time within which the end of a session or a right shows on every node.
const PROMISE: Duration = Duration::from_secs(2);

/// The viewer of a token; `None` if it is refused.
async fn viewer(node: &TestApi, token: &AccessToken) -> Option<Viewer> {
    match node.service.authenticate(Some(&token.token)).await {
        Ok(authenticated) => Some(authenticated.viewer),
        Err(ServiceError::Unauthenticated(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Two nodes, of which each has verified the token of a new user.
async fn two_nodes(first: TestApi, name: &str) -> ([TestApi; 2], SignIn) {
    let second = TestApi::over(first.store.clone()).await;
    let user = first.new_user(name, UserRole::Staff).await;
    let signed_in = first.service.open_session(&Viewer::System, user.id).await.unwrap();
    let nodes = [first, second];
    for node in nodes.iter().chain(&nodes) {
        assert_eq!(viewer(node, &signed_in.access).await, Some(signed_in.viewer()));
    }
    (nodes, signed_in)
}

async fn a_used_token_ends_with_its_session_and_its_user_on_every_node(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    let mut first = api;
    for end in ["logout", "logoutEverywhere", "changePassword", "deleteUser"] {
        let (nodes, signed_in) = two_nodes(first, &end.to_lowercase()).await;
        let (service, user) = (&nodes[0].service, signed_in.viewer());
        match end {
            "logout" => service.logout(&user).await.unwrap(),
            "logoutEverywhere" => service.logout_everywhere(&user).await.unwrap(),
            "changePassword" => {
                service.change_password(&user, PASSWORD.to_owned(), PASSWORD.to_owned()).await.map(drop).unwrap();
            }
            _ => service.delete_user(&admin, signed_in.user.id).await.map(drop).unwrap(),
        }
        assert_eq!(viewer(&nodes[0], &signed_in.access).await, None, "{end} on the node itself");
        wait_until(end, PROMISE, async || viewer(&nodes[1], &signed_in.access).await.is_none()).await;
        [first, _] = nodes;
    }
}

async fn a_used_token_gets_the_new_role_of_its_user_on_every_node(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    let (nodes, SignIn { access, user, session, .. }) = two_nodes(api, "anna").await;
    nodes[0].service.update_user_role(&admin, user.id, UserRole::Customer).await.unwrap();
    let now = Some(Viewer::User { id: user.id, role: UserRole::Customer, session });
    assert_eq!(viewer(&nodes[0], &access).await, now);
    wait_until("the other node knows the role", PROMISE, async || viewer(&nodes[1], &access).await == now).await;
}

async fn a_used_token_does_not_make_its_other_spellings_good(api: TestApi) {
    let ([node, _], SignIn { access, .. }) = two_nodes(api, "anna").await;
    let (message, signature) = access.token.rsplit_once('.').unwrap();
    for other in [
        format!("{message}."),
        format!("{message}.{}", signature.to_uppercase()),
        format!("{message}.{signature}="),
        format!("{}.{signature}", message.to_lowercase()),
    ] {
        let other = AccessToken { token: other, expires_at: access.expires_at };
        assert_eq!(viewer(&node, &other).await, None, "{}", other.token);
    }
}
