//! The audit log: rows are only added, each bound to the one before it by a hash.
//!
//! An entry is written in the transaction of the change it tells of: there is neither a change without its entry nor an
//! entry without its change. The hash of an entry covers everything in it and the hash of the entry before, so that an
//! edited, removed or inserted row shows; the head row shows a log that was cut off at its end.

use sha2::{Digest, Sha256};

use super::group::on_group;
use super::sql::{on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::text::hexadecimal;

statements! {
    HEAD = "
        SELECT audit_id, hash
        FROM audit_head
        WHERE audit_head_id = 1" | "
        SELECT audit_id, hash
        FROM audit_head
        WHERE audit_head_id = 1
        FOR UPDATE";
    READ_HEAD = "
        SELECT audit_id, hash
        FROM audit_head
        WHERE audit_head_id = 1";
    EXTENT = "
        SELECT COALESCE(MIN(audit_id), 1), COALESCE(MAX(audit_id), 0)
        FROM audit";
    INSERT = "
        INSERT INTO audit
            (audit_id, at_us, actor, role, address, route, action, object, old_json, new_json, reason,
             previous_hash, hash)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    SET_HEAD = "
        UPDATE audit_head
        SET audit_id = ?, hash = ?
        WHERE audit_head_id = 1";
    AFTER = "
        SELECT audit_id, at_us, actor, role, address, route, action, object, old_json, new_json, reason,
            previous_hash, hash
        FROM audit
        WHERE audit_id > ?
        ORDER BY audit_id
        LIMIT ?";
    PAGE = "
        SELECT audit_id, at_us, actor, role, address, route, action, object, old_json, new_json, reason,
            previous_hash, hash
        FROM audit
        WHERE audit_id < ?
            AND (? = '' OR actor = ?)
            AND INSTR(LOWER(action), ?) > 0
            AND INSTR(LOWER(object), ?) > 0
            AND at_us >= ?
            AND at_us < ?
        ORDER BY audit_id DESC
        LIMIT ?";
}

/// Entries read at a time when the whole log is checked or exported.
pub const ENTRIES_PER_READ: i64 = 500;

/// One entry as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Entry {
    /// Its number, 1 for the first, without gaps.
    pub audit_id: i64,
    /// When, µs UTC.
    pub at_us: i64,
    /// Who.
    pub actor: String,
    /// In which role.
    pub role: String,
    /// From where.
    pub address: String,
    /// By which request or verb.
    pub route: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: String,
    /// What counted before, JSON.
    pub old_json: Option<String>,
    /// What counts now, JSON.
    pub new_json: Option<String>,
    /// Why.
    pub reason: String,
    /// Hash of the entry before; zeros for the first.
    pub previous_hash: Vec<u8>,
    /// SHA-256 over all of the above.
    pub hash: Vec<u8>,
}

impl Entry {
    /// The hash this entry must have: SHA-256 over its fields, each preceded by its length, so that no text can pass
    /// from one field into the next unseen.
    #[must_use]
    pub fn expected_hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        field(&self.previous_hash);
        field(&self.audit_id.to_be_bytes());
        field(&self.at_us.to_be_bytes());
        for text in [&self.actor, &self.role, &self.address, &self.route, &self.action, &self.object, &self.reason] {
            field(text.as_bytes());
        }
        for json in [&self.old_json, &self.new_json] {
            field(if json.is_some() { b"some" } else { b"none" });
            field(json.as_deref().unwrap_or_default().as_bytes());
        }
        hasher.finalize().into()
    }
}

/// Which entries to show; empty texts mean all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFilter {
    /// Exactly this actor.
    pub actor: String,
    /// Actions that contain this, in whatever case.
    pub action: String,
    /// Objects that contain this, in whatever case.
    pub object: String,
    /// From this moment on, µs UTC.
    pub from_us: i64,
    /// Before this moment, µs UTC.
    pub to_us: i64,
}

impl Default for AuditFilter {
    fn default() -> Self {
        let text = String::new;
        Self { actor: text(), action: text(), object: text(), from_us: i64::MIN, to_us: i64::MAX }
    }
}

/// What a check of the whole log found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditCheck {
    /// Entries read.
    pub entries: i64,
    /// Hash of the newest entry, hexadecimal: compare it with a copy kept elsewhere.
    pub head: String,
    /// What does not fit, in words, at most [`FAULTS_MAX`].
    pub faults: Vec<String>,
}

/// Most faults told of one check: the first ones say where to look.
pub const FAULTS_MAX: usize = 20;

impl Group {
    /// Adds an entry to the audit log, in this transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&mut self, by: &Actor, change: &Change, now_us: i64) -> Result<(), StoreError> {
        let (last, previous_hash): (i64, Vec<u8>) = on_group!(self, conn, dialect => {
            sqlx::query_as(HEAD.text(dialect)).fetch_one(conn).await?
        });
        let mut entry = Entry {
            audit_id: last + 1,
            at_us: now_us,
            actor: shortened(&by.name, 64),
            role: shortened(&by.role, 16),
            address: shortened(&by.address, 64),
            route: shortened(&by.route, 128),
            action: shortened(change.action, 64),
            object: shortened(&change.object, 160),
            old_json: change.old.as_ref().map(ToString::to_string),
            new_json: change.new.as_ref().map(ToString::to_string),
            reason: shortened(&change.reason, 512),
            previous_hash,
            hash: Vec::new(),
        };
        entry.hash = entry.expected_hash().to_vec();
        on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(entry.audit_id)
                .bind(entry.at_us)
                .bind(&entry.actor)
                .bind(&entry.role)
                .bind(&entry.address)
                .bind(&entry.route)
                .bind(&entry.action)
                .bind(&entry.object)
                .bind(&entry.old_json)
                .bind(&entry.new_json)
                .bind(&entry.reason)
                .bind(&entry.previous_hash)
                .bind(&entry.hash)
                .execute(conn)
                .await?;
        });
        on_group!(self, conn, dialect => {
            sqlx::query(SET_HEAD.text(dialect)).bind(entry.audit_id).bind(&entry.hash).execute(conn).await?;
        });
        Ok(())
    }
}

impl Store {
    /// Adds an entry that belongs to no change of the database: a denial, an export.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, by: &Actor, change: &Change, now_us: i64) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        group.audit(by, change, now_us).await?;
        group.commit().await
    }

    /// Entries before number `before` that pass the filter, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_page(&self, filter: &AuditFilter, before: i64, limit: i64) -> Result<Vec<Entry>, StoreError> {
        // Every text contains the empty one. With LIKE the “_” of a name would stand for any letter.
        let (action, object) = (filter.action.to_lowercase(), filter.object.to_lowercase());
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(PAGE.text(dialect))
                .bind(before)
                .bind(&filter.actor)
                .bind(&filter.actor)
                .bind(&action)
                .bind(&object)
                .bind(filter.from_us)
                .bind(filter.to_us)
                .bind(limit)
                .fetch_all(pool)
                .await?
        }))
    }

    /// Number and hash (hexadecimal) of the newest entry; number 0 while there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_head(&self) -> Result<(i64, String), StoreError> {
        let (id, hash): (i64, Vec<u8>) = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(READ_HEAD.text(dialect)).fetch_one(pool).await?
        });
        Ok((id, hexadecimal(&hash)))
    }

    /// Entries after number `after`, oldest first, at most [`ENTRIES_PER_READ`]: all of them, read by read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_after(&self, after: i64) -> Result<Vec<Entry>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(AFTER.text(dialect)).bind(after).bind(ENTRIES_PER_READ).fetch_all(pool).await?
        }))
    }

    /// Reads the whole log and checks every hash, every link and the head.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verify_audit(&self) -> Result<AuditCheck, StoreError> {
        // The numbers first, then the head: whatever is added meanwhile, the head is never behind them.
        let (lowest, highest): (i64, i64) = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(EXTENT.text(dialect)).fetch_one(pool).await?
        });
        let (head_id, head): (i64, Vec<u8>) = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(READ_HEAD.text(dialect)).fetch_one(pool).await?
        });
        let mut check = AuditCheck { head: hexadecimal(&head), ..AuditCheck::default() };
        if lowest < 1 || highest > head_id {
            check.faults.push(format!("entries run from {lowest} to {highest}, the head tells of 1 to {head_id}"));
        }
        let (mut last_id, mut last_hash) = (0, vec![0; 32]);
        loop {
            let entries = self.audit_after(last_id).await?;
            let Some(newest) = entries.last().map(|entry| entry.audit_id) else { break };
            for entry in entries.into_iter().filter(|entry| entry.audit_id <= head_id) {
                check.entries += 1;
                check_entry(&entry, last_id, &last_hash, &mut check.faults);
                (last_id, last_hash) = (entry.audit_id, entry.hash);
            }
            if newest >= head_id || check.faults.len() >= FAULTS_MAX {
                break;
            }
        }
        if check.faults.len() < FAULTS_MAX && (last_id != head_id || last_hash != head) {
            check
                .faults
                .push(format!("the newest entry is {last_id}, the head tells of {head_id}: entries were removed"));
        }
        check.faults.truncate(FAULTS_MAX);
        Ok(check)
    }
}

fn check_entry(entry: &Entry, last_id: i64, last_hash: &[u8], faults: &mut Vec<String>) {
    let id = entry.audit_id;
    if id != last_id + 1 {
        faults.push(format!("entry {} is missing before entry {id}", last_id + 1));
    }
    if entry.previous_hash != last_hash {
        faults.push(format!("entry {id} does not follow the entry before it"));
    }
    if entry.hash != entry.expected_hash() {
        faults.push(format!("entry {id} was changed after it was written"));
    }
}

/// At most `max` characters: what the columns hold on both engines.
fn shortened(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}
