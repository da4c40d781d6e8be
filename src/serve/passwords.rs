//! Checks passwords against bcrypt hashes, a few at once, and limits guessing.
//!
//! A right password is cached as a keyed hash, so that a push of a thousand requests computes bcrypt once. A wrong one
//! counts against its address (token bucket). Invariant: a cache entry has the hash of the file as its key, so it ends
//! when the user or the password changes.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::IpAddr,
    num::NonZero,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::htpasswd::Htpasswd;
use crate::oci::Digest;

/// Cached right passwords.
const MAX_CACHED: usize = 1024;
/// Wrong passwords that an address may send at once, and the time after which it may send another.
const GUESSES: u32 = 10;
const ANOTHER_GUESS: Duration = Duration::from_secs(6);
/// Addresses whose wrong guesses are counted.
const MAX_ADDRESSES: usize = 4096;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    Right,
    Wrong,
    /// Too many were wrong; the next check is allowed after this time.
    TooMany {
        again_in: Duration,
    },
}

pub(crate) struct Passwords(Arc<Inner>);

struct Inner {
    htpasswd: Htpasswd,
    key: [u128; 2],
    right: Mutex<Right>,
    guesses: Mutex<Guesses>,
    /// bcrypt takes a processor for a tenth of a second; half of the processors stay free.
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new(htpasswd: Htpasswd) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Inner {
            htpasswd,
            key: rand::random(),
            right: Mutex::default(),
            guesses: Mutex::default(),
            turns: Arc::new(Semaphore::new(processors.div_ceil(2))),
        }))
    }

    pub(crate) async fn check(&self, user: &str, password: &str, from: IpAddr) -> Checked {
        let request = Request {
            inner: Arc::clone(&self.0),
            user: user.to_owned(),
            password: password.to_owned(),
            from: network(from),
        };
        // A client that leaves early has guessed all the same, so the check is not cancelled.
        let checked = tokio::spawn(request.check()).await;
        checked.unwrap_or(Checked::Wrong)
    }
}

/// One password to be checked.
struct Request {
    inner: Arc<Inner>,
    user: String,
    password: String,
    from: IpAddr,
}

impl Request {
    async fn check(self) -> Checked {
        let request = Arc::new(self);
        if let Some(checked) = request.on_disk(Self::known).await {
            return checked;
        }
        let turns = Arc::clone(&request.inner.turns);
        let Ok(turn) = turns.acquire_owned().await else {
            return Checked::Wrong;
        };
        request.on_disk(move |request| request.verify(&turn)).await
    }

    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let request = Arc::clone(self);
        match tokio::task::spawn_blocking(move || work(&request)).await {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// The answer, if it needs no bcrypt.
    fn known(&self) -> Option<Checked> {
        let users = self.inner.htpasswd.users();
        let hash = users.get(&self.user);
        if hash.is_some_and(|hash| self.inner.right().has(&self.fingerprint(hash))) {
            return Some(Checked::Right);
        }
        let again_in = self.inner.guesses().blocked(self.from)?;
        Some(Checked::TooMany { again_in })
    }

    fn verify(&self, _turn: &OwnedSemaphorePermit) -> Checked {
        // Another request may have cached the password, or used up the guesses, meanwhile.
        if let Some(checked) = self.known() {
            return checked;
        }
        let users = self.inner.htpasswd.users();
        let hash = users.get(&self.user);
        // An unknown user takes as long to refuse as a known one.
        let against = hash.or_else(|| users.values().next());
        let fits =
            against.is_some_and(|hash| bcrypt::verify(&self.password, hash).unwrap_or(false));
        match hash {
            Some(hash) if fits => {
                self.inner.right().remember(self.fingerprint(hash));
                Checked::Right
            }
            _ => {
                self.inner.guesses().count(self.from);
                Checked::Wrong
            }
        }
    }

    fn fingerprint(&self, hash: &str) -> Digest {
        let Self { user, password, .. } = self;
        let [one, two] = self.inner.key;
        // Each part but the last is preceded by its length, so that parts cannot be confused.
        let (users, hashes) = (user.len(), hash.len());
        let text = format!("{one:032x}{two:032x}{users}:{user}{hashes}:{hash}{password}");
        Digest::of(text.as_bytes())
    }
}

impl Inner {
    fn right(&self) -> MutexGuard<'_, Right> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guesses(&self) -> MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cache of right passwords; the oldest are evicted.
#[derive(Default)]
struct Right {
    fingerprints: HashSet<Digest>,
    order: VecDeque<Digest>,
}

impl Right {
    fn has(&self, fingerprint: &Digest) -> bool {
        self.fingerprints.contains(fingerprint)
    }

    fn remember(&mut self, fingerprint: Digest) {
        if !self.fingerprints.insert(fingerprint.clone()) {
            return;
        }
        self.order.push_back(fingerprint);
        if self.order.len() > MAX_CACHED
            && let Some(oldest) = self.order.pop_front()
        {
            self.fingerprints.remove(&oldest);
        }
    }
}

/// By address, the time at which all its guesses are available again.
#[derive(Default)]
struct Guesses(HashMap<IpAddr, Instant>);

impl Guesses {
    /// How long until `from` may guess again.
    fn blocked(&self, from: IpAddr) -> Option<Duration> {
        let restored = self.0.get(&from)?;
        let used = restored.saturating_duration_since(Instant::now());
        let free_below = ANOTHER_GUESS * (GUESSES - 1);
        used.checked_sub(free_below).filter(|wait| !wait.is_zero())
    }

    fn count(&mut self, from: IpAddr) {
        let now = Instant::now();
        if self.0.len() >= MAX_ADDRESSES && !self.0.contains_key(&from) {
            self.0.retain(|_, restored| *restored > now);
            // None is due: evict the one with the fewest wrong guesses.
            if self.0.len() >= MAX_ADDRESSES
                && let Some(least) = self.0.iter().min_by_key(|(_, restored)| **restored)
            {
                let least = *least.0;
                self.0.remove(&least);
            }
        }
        let restored = self.0.entry(from).or_insert(now);
        *restored = (*restored).max(now) + ANOTHER_GUESS;
    }
}

/// An IPv6 client usually has a whole /64, so all of it counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let half = u128::from(address) >> 64 << 64;
            IpAddr::V6(half.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, net::Ipv4Addr};

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const AWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

    fn passwords(cost: u32) -> (tempfile::TempDir, Passwords) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        let hash = bcrypt::hash("right", cost).unwrap();
        fs::write(&path, format!("operator:{hash}\n")).unwrap();
        let htpasswd = Htpasswd::open(path, |_| {}).unwrap();
        (directory, Passwords::new(htpasswd))
    }

    #[tokio::test]
    async fn a_right_password_is_hashed_once() {
        let (directory, passwords) = passwords(4);
        let check = async |password| passwords.check("operator", password, HOME).await;
        assert_eq!(check("right").await, Checked::Right);
        // Without a permit only cached passwords can be answered.
        let turns = Arc::clone(&passwords.0.turns);
        let all = u32::try_from(turns.available_permits()).unwrap();
        let taken = turns.acquire_many(all).await.unwrap();
        for _ in 0..1000 {
            assert_eq!(check("right").await, Checked::Right);
        }
        let waits = check("wrong");
        tokio::select! {
            biased;
            _ = waits => unreachable!("there was no turn"),
            () = async { for _ in 0..100 { tokio::task::yield_now().await } } => {}
        }
        drop(taken);
        // The old password is wrong once the file has another.
        let hash = bcrypt::hash("other", 4).unwrap();
        let next = directory.path().join("next");
        fs::write(&next, format!("operator:{hash}\n")).unwrap();
        fs::rename(next, directory.path().join("users")).unwrap();
        assert_eq!(check("right").await, Checked::Wrong);
        assert_eq!(check("other").await, Checked::Right);
    }

    #[tokio::test(start_paused = true)]
    async fn guesses_run_out_and_come_back_and_do_not_shut_out_others() {
        let (_directory, passwords) = passwords(4);
        let check =
            async |user: &str, password: &str, from| passwords.check(user, password, from).await;
        assert_eq!(check("operator", "right", HOME).await, Checked::Right);
        for guess in 0..GUESSES {
            // Guesses of user names count as well.
            let user = ["operator", "nobody"][guess as usize % 2];
            assert_eq!(check(user, "wrong", HOME).await, Checked::Wrong);
        }
        let again_in = ANOTHER_GUESS;
        assert_eq!(
            check("operator", "wrong", HOME).await,
            Checked::TooMany { again_in }
        );
        // Cached passwords stay valid, and other addresses are not limited.
        assert_eq!(check("operator", "right", HOME).await, Checked::Right);
        assert_eq!(check("operator", "wrong", AWAY).await, Checked::Wrong);
        tokio::time::advance(again_in).await;
        assert_eq!(check("operator", "wrong", HOME).await, Checked::Wrong);
        assert_eq!(
            check("operator", "wrong", HOME).await,
            Checked::TooMany { again_in }
        );
    }

    #[tokio::test]
    async fn who_leaves_has_guessed_all_the_same() {
        let (_directory, passwords) = passwords(4);
        for _ in 0..GUESSES {
            tokio::select! {
                biased;
                _ = passwords.check("operator", "wrong", HOME) => unreachable!("not at once"),
                () = async {} => {}
            }
        }
        let turns = Arc::clone(&passwords.0.turns);
        while passwords.0.guesses().blocked(HOME).is_none() {
            drop(turns.acquire().await.unwrap());
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut right = Right::default();
        let mut guesses = Guesses::default();
        for number in 0..u32::try_from(MAX_CACHED + MAX_ADDRESSES).unwrap() {
            right.remember(Digest::of(&number.to_be_bytes()));
            guesses.count(IpAddr::V4(number.into()));
        }
        assert_eq!(right.fingerprints.len(), MAX_CACHED);
        assert_eq!(guesses.0.len(), MAX_ADDRESSES);
        assert_eq!(
            network("2001:db8::1".parse().unwrap()),
            network("2001:db8::2".parse().unwrap())
        );
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), AWAY);
    }
}
