#include <sys/resource.h>

#include <csignal>
#include <optional>
#include <utility>

#include "cluster/store/sqlite/sqlite_mailbox.h"
#include "tests/contract/real/ground.h"
#include "tests/contract/real/makers.h"
#include "tests/contract/real/past.h"

namespace imroute::contract {

namespace {

// No file of this process may grow: what a full disk is to SQLite.
class FullDisk {
 public:
  FullDisk() {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{0, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

class SqliteBackend : public MailboxBackend {
 public:
  explicit SqliteBackend(const MailboxOptions& options) : options_(options) { open(); }

  MailboxAnswer ask(const MailboxOp& op) override {
    const MailboxAnswer answer =
        answer_of<MailboxReply>(loop_, [&](auto done) { store_->submit(op, std::move(done)); });
    if (op.kind == MailboxOpKind::append && answer.status == ReplyStatus::ok &&
        answer.reply.result == MailboxResult::ok) {
      past_.note_append(op.entry, answer.reply.position);
    }
    return answer;
  }
  void pass(DurationNs time) override {
    past_.keep(now_);
    now_ += time;
  }
  // The process ends without a word, and the file comes back as it was.
  std::vector<Entry> failover(DurationNs lose_tail) override {
    past_.keep(now_);
    store_.reset();
    std::vector<Entry> lost = past_.back_to(options_.durable ? now_ : now_ - lose_tail);
    now_ += kMillisecond;  // a restart takes time
    open();
    return lost;
  }
  void out_of_memory(bool on) override {
    full_disk_.reset();
    if (on) full_disk_.emplace();
  }

 private:
  void open() {
    cluster::SqliteMailboxSettings settings;
    settings.path = (folder_.path() / "mailbox.db").string();
    settings.retention_ns = options_.retention_ns;
    settings.wall_ns = [this] { return now_; };
    store_ = std::make_unique<cluster::SqliteMailbox>(loop_, pool_, std::move(settings));
  }

  MailboxOptions options_;
  Folder folder_;
  Past past_{folder_.path(), {"mailbox.db", "mailbox.db-wal"}};
  BlobPool pool_;
  cluster::Loop loop_;
  int64_t now_ = 1'800'000'000 * kSecond;
  std::optional<FullDisk> full_disk_;
  std::unique_ptr<cluster::SqliteMailbox> store_;
};

}  // namespace

MailboxMaker sqlite_mailbox() {
  return {"sqlite",
          [](const MailboxOptions& options) { return std::make_unique<SqliteBackend>(options); }};
}

}  // namespace imroute::contract
