// The mailbox in one SQLite file, for a cluster whose mailbox lives on one machine. An operation is
// answered only after the transaction that holds it is on the disk.
//
// A commit waits for the disk, so the file has a thread of its own: the loop goes on serving
// clients meanwhile. Operations that arrive while a commit runs go together into the next
// transaction (group commit): one fsync for one sender, one for a thousand.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cluster/store/postbox.h"
#include "cluster/store/sqlite/mailbox_file.h"
#include "cluster/store/store.h"
#include "core/base/payload.h"

namespace imroute::cluster {

struct SqliteMailboxSettings {
  std::string path = {};
  DurationNs retention_ns = 0;            // 0: entries are kept for ever
  uint32_t most_open = 64 * 1024;         // operations; the rest is answered unknown
  std::function<int64_t()> wall_ns = {};  // since 1970; empty: the system's clock
  std::function<void(std::string_view)> on_trouble = {};  // on the loop: why writing fails
};

class SqliteMailbox : public MailboxStore {
 public:
  // Throws SqliteError when the file cannot be opened, or is open in another process.
  SqliteMailbox(Loop& loop, BlobPool& pool, SqliteMailboxSettings settings);
  ~SqliteMailbox() override;

  void submit(MailboxOp op, Done<MailboxReply> done) override;

  uint64_t commits() const { return commits_; }  // seen so far by the loop

 private:
  struct Job {
    MailboxOp op;
    Done<MailboxReply> done;
    MailboxFile::Answer answer;
  };
  using Jobs = std::vector<Job>;

  void work();                 // the thread
  bool carry_out(Jobs& jobs);  // one transaction; false when it failed
  void give_answers();         // on the loop
  void fill_payloads(MailboxFile::Answer& answer);

  BlobPool& pool_;
  SqliteMailboxSettings settings_;
  MailboxFile file_;  // the thread's, once it runs
  uint32_t open_ = 0;
  uint64_t commits_ = 0;
  bool troubled_ = false;
  Jobs giving_;  // keeps its capacity

  std::mutex mutex_;  // guards what stands below
  std::condition_variable arrived_;
  Jobs waiting_;
  Jobs finished_;
  uint64_t finished_commits_ = 0;
  std::string trouble_;
  bool told_ = false;  // the loop knows that there are answers
  bool stopping_ = false;

  Postbox postbox_;
  std::thread thread_;
};

}  // namespace imroute::cluster
