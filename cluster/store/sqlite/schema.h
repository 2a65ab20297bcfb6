// The tables of a mailbox file and everything that is ever asked of them, in one place. The file is
// made to be looked at: `sqlite3 mailbox.db 'SELECT * FROM log'`.
#pragma once

#include "cluster/store/sqlite/database.h"

namespace imroute::cluster {

inline constexpr uint32_t kMailboxFormat = 3;

inline constexpr const char* kMailboxSchema = R"sql(
CREATE TABLE store (            -- one row
  format   INTEGER NOT NULL,
  identity INTEGER NOT NULL,    -- another one each time that the file is opened
  epoch    INTEGER NOT NULL);   -- the highest that an append has named
CREATE TABLE conversation (
  id              INTEGER PRIMARY KEY,
  name            TEXT NOT NULL UNIQUE,   -- direct:1:2, group:5
  head_epoch      INTEGER NOT NULL DEFAULT 0,
  head_seq        INTEGER NOT NULL DEFAULT 0,
  expired_seq     INTEGER NOT NULL DEFAULT 0,   -- the last entry that retention took
  members_version INTEGER NOT NULL DEFAULT 0);  -- rises with every join and leave
CREATE TABLE entry (
  place      INTEGER PRIMARY KEY,   -- conversation * 2^32 + seq
  epoch      INTEGER NOT NULL,
  kind       INTEGER NOT NULL,      -- 0 message, 1 create, 2 join, 3 leave
  sender     INTEGER NOT NULL,
  device     INTEGER NOT NULL,
  client_seq INTEGER NOT NULL,
  subject    INTEGER NOT NULL,      -- who joined or left
  written_ns INTEGER NOT NULL,      -- since 1970
  payload    BLOB NOT NULL);
CREATE TABLE epoch_run (            -- entries from first_seq on have this epoch
  conversation INTEGER NOT NULL, first_seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
  PRIMARY KEY (conversation, first_seq)) WITHOUT ROWID;
CREATE TABLE membership (           -- [join_seq, leave_seq); 0: still a member
  conversation INTEGER NOT NULL, user INTEGER NOT NULL, join_seq INTEGER NOT NULL,
  leave_seq INTEGER NOT NULL,
  PRIMARY KEY (conversation, user, join_seq)) WITHOUT ROWID;
CREATE TABLE party (                -- a device in a conversation: what it has, what it sent
  conversation INTEGER NOT NULL, user INTEGER NOT NULL, device INTEGER NOT NULL,
  cursor_epoch INTEGER NOT NULL DEFAULT 0, cursor_seq INTEGER NOT NULL DEFAULT 0,
  last_client_seq INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (conversation, user, device)) WITHOUT ROWID;
CREATE TABLE sent (                 -- where its last 64 went, at client_seq % 64; seq 0: refused
  conversation INTEGER NOT NULL, user INTEGER NOT NULL, device INTEGER NOT NULL,
  slot INTEGER NOT NULL, client_seq INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (conversation, user, device, slot)) WITHOUT ROWID;
CREATE TABLE person (
  user INTEGER PRIMARY KEY,
  index_version INTEGER NOT NULL DEFAULT 0,   -- rises with every change of what they take part in
  devices INTEGER NOT NULL DEFAULT 0);        -- a bit per device that was opened
CREATE TABLE listed (               -- a user's conversations, oldest first
  user INTEGER NOT NULL, number INTEGER NOT NULL, conversation INTEGER NOT NULL,
  PRIMARY KEY (user, number)) WITHOUT ROWID;
CREATE VIEW log AS
  SELECT name, epoch, place & 0xffffffff AS seq, kind, sender, device, client_seq, subject,
         datetime(written_ns / 1000000000, 'unixepoch') AS written, payload
  FROM entry JOIN conversation ON conversation.id = place >> 32;
)sql";

struct MailboxStatements {
  explicit MailboxStatements(const Database& database) : db(database) {}
  const Database& db;

  Statement read_store{db, "SELECT identity, epoch FROM store"};
  Statement write_epoch{db, "UPDATE store SET epoch = ?"};

  Statement find{db,
                 "SELECT id, head_epoch, head_seq, expired_seq, members_version FROM conversation "
                 "WHERE name = ?"};
  Statement make{db, "INSERT INTO conversation (name) VALUES (?) RETURNING id"};
  Statement write_head{db, "UPDATE conversation SET head_epoch = ?, head_seq = ? WHERE id = ?"};
  Statement write_expired{db, "UPDATE conversation SET expired_seq = ? WHERE id = ?"};
  Statement count_members_change{
      db,
      "UPDATE conversation SET members_version = members_version + 1 WHERE id = ? "
      "RETURNING members_version"};

  Statement add_entry{db, "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement entries{db,
                    "SELECT place, epoch, kind, sender, device, client_seq, subject, payload "
                    "FROM entry WHERE place > ? AND place <= ? ORDER BY place"};
  Statement first_younger{db,
                          "SELECT place FROM entry WHERE place > ? AND place <= ? AND "
                          "written_ns > ? ORDER BY place LIMIT 1"};
  Statement drop_until{db, "DELETE FROM entry WHERE place > ? AND place <= ?"};

  Statement add_run{db, "INSERT INTO epoch_run VALUES (?, ?, ?)"};
  Statement run_at{db,
                   "SELECT epoch FROM epoch_run WHERE conversation = ? AND first_seq <= ? "
                   "ORDER BY first_seq DESC LIMIT 1"};
  Statement runs_back{db,
                      "SELECT first_seq, epoch FROM epoch_run WHERE conversation = ? AND "
                      "first_seq <= ? ORDER BY first_seq DESC"};

  Statement intervals{db,
                      "SELECT join_seq, leave_seq FROM membership WHERE conversation = ? AND "
                      "user = ? ORDER BY join_seq"};
  Statement members{db,
                    "SELECT user FROM membership WHERE conversation = ? AND leave_seq = 0 "
                    "ORDER BY user"};
  Statement member_count{
      db, "SELECT count(*) FROM membership WHERE conversation = ? AND leave_seq = 0"};
  Statement join{db, "INSERT INTO membership VALUES (?, ?, ?, 0)"};
  Statement leave{db,
                  "UPDATE membership SET leave_seq = ? WHERE conversation = ? AND user = ? AND "
                  "leave_seq = 0"};

  Statement party{db,
                  "SELECT cursor_epoch, cursor_seq, last_client_seq FROM party WHERE "
                  "conversation = ? AND user = ? AND device = ?"};
  Statement write_cursor{db,
                         "INSERT INTO party (conversation, user, device, cursor_epoch, cursor_seq) "
                         "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                         "cursor_epoch = excluded.cursor_epoch, cursor_seq = excluded.cursor_seq"};
  Statement write_last{db,
                       "INSERT INTO party (conversation, user, device, last_client_seq) "
                       "VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                       "last_client_seq = excluded.last_client_seq"};
  Statement sent{db,
                 "SELECT epoch, seq FROM sent WHERE conversation = ? AND user = ? AND device = ? "
                 "AND slot = ? AND client_seq = ?"};
  Statement write_sent{db, "INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?, ?, ?, ?)"};

  Statement person{db, "SELECT index_version, devices FROM person WHERE user = ?"};
  Statement open_device{db,
                        "INSERT INTO person (user, devices) VALUES (?1, ?2) ON CONFLICT DO UPDATE "
                        "SET devices = devices | ?2"};
  Statement count_index_change{db,
                               "INSERT INTO person (user, index_version) VALUES (?, 1) ON CONFLICT "
                               "DO UPDATE SET index_version = index_version + 1 "
                               "RETURNING index_version"};
  Statement add_listed{db, "INSERT INTO listed VALUES (?, ?, ?)"};
  Statement listed{db,
                   "SELECT name FROM listed JOIN conversation ON id = conversation "
                   "WHERE user = ? ORDER BY number"};
};

}  // namespace imroute::cluster
