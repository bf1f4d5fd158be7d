//! Tokens that rotate.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hecate::config::Credentials;

use crate::stand_in::{OK, answering, at, backend, query, whole};

const LIMIT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_rotated_token_file_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first\n").unwrap();
    let accepted = Arc::new(Mutex::new("first"));
    let current = Arc::clone(&accepted);
    let address = answering(move |_, request| {
        let wanted = format!("authorization: Bearer {}\r\n", current.lock().unwrap());
        if request.contains(&wanted) { OK.to_owned() } else { "HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n".to_owned() }
    })
    .await;
    let mut settings = at(address);
    settings.retries = 0;
    settings.auth.credentials = Some(Credentials::BearerFile(file.clone()));
    let (backend, _) = backend(settings);
    assert_eq!(whole(&backend, query("up"), LIMIT).await.unwrap().0, 200);

    // Refused: the file is read at once, not only after a while.
    std::fs::write(&file, "other\n").unwrap();
    *accepted.lock().unwrap() = "other";
    assert_eq!(whole(&backend, query("up"), LIMIT).await.unwrap().0, 200);

    // Not refused, and still the new one is used after a while.
    std::fs::write(&file, "third\n").unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    *accepted.lock().unwrap() = "third";
    assert_eq!(whole(&backend, query("up"), LIMIT).await.unwrap().0, 200);

    // A token that stays wrong is refused once, not again and again.
    *accepted.lock().unwrap() = "nobody has it";
    assert_eq!(whole(&backend, query("up"), LIMIT).await.unwrap_err().kind(), "denied");

    std::fs::remove_file(&file).unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let error = whole(&backend, query("up"), LIMIT).await.unwrap_err();
    assert_eq!(error.kind(), "bad_credentials_file");
    assert!(error.detail().contains("token") && !error.to_string().contains('/'), "{error:?}");
}
