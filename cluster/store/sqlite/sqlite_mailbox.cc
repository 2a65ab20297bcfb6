#include "cluster/store/sqlite/sqlite_mailbox.h"

#include <iterator>
#include <type_traits>
#include <utility>

namespace imroute::cluster {

SqliteMailbox::SqliteMailbox(Loop& loop, BlobPool& pool, SqliteMailboxSettings settings)
    : pool_(pool),
      settings_([&settings] {
        if (settings.wall_ns == nullptr) settings.wall_ns = wall_now;
        return std::move(settings);
      }()),
      file_(settings_.path, settings_.retention_ns, settings_.wall_ns()),
      postbox_(loop),
      thread_([this] { work(); }) {}

SqliteMailbox::~SqliteMailbox() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

void SqliteMailbox::submit(MailboxOp op, Done<MailboxReply> done) {
  if (open_ >= settings_.most_open) {
    return postbox_.send(std::move(done), MailboxAnswer{ReplyStatus::unknown, {}});
  }
  ++open_;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(op), std::move(done), {}});
  }
  arrived_.notify_one();
}

// ---- the thread --------------------------------------------------------------------------------

void SqliteMailbox::work() {
  // Moved, never copied: the counts of payloads belong to the loop's thread.
  static_assert(std::is_nothrow_move_constructible_v<Job>);
  Jobs jobs;
  std::unique_lock lock(mutex_);
  while (true) {
    arrived_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    jobs.swap(waiting_);
    lock.unlock();
    const bool committed = carry_out(jobs);
    lock.lock();
    if (committed) ++finished_commits_;
    finished_.insert(finished_.end(), std::make_move_iterator(jobs.begin()),
                     std::make_move_iterator(jobs.end()));
    jobs.clear();
    if (!std::exchange(told_, true)) postbox_.send([this] { give_answers(); });
  }
}

bool SqliteMailbox::carry_out(Jobs& jobs) {
  const int64_t now = settings_.wall_ns();
  try {
    file_.begin();
    for (Job& job : jobs) job.answer = file_.apply(job.op, now);
    file_.commit();
    return true;
  } catch (const SqliteError& error) {
    file_.rollback();
    const std::lock_guard lock(mutex_);
    trouble_ = error.what();
  }
  // What only asks is answered from the file as it is.
  for (Job& job : jobs) {
    job.answer = {};
    job.answer.status = ReplyStatus::error;
    const bool asks = job.op.kind == MailboxOpKind::read || job.op.kind == MailboxOpKind::compare ||
                      job.op.kind == MailboxOpKind::members;
    if (!asks) continue;
    try {
      job.answer = file_.apply(job.op, now);
    } catch (const SqliteError&) {
      job.answer = {};
      job.answer.status = ReplyStatus::error;
    }
  }
  return false;
}

// ---- the loop ----------------------------------------------------------------------------------

void SqliteMailbox::give_answers() {
  std::string trouble;
  {
    const std::lock_guard lock(mutex_);
    told_ = false;
    giving_.swap(finished_);
    commits_ = finished_commits_;
    trouble.swap(trouble_);
  }
  if (!trouble.empty() && !troubled_ && settings_.on_trouble != nullptr) {
    settings_.on_trouble(trouble);
  }
  troubled_ = !trouble.empty();
  open_ -= static_cast<uint32_t>(giving_.size());
  for (Job& job : giving_) {
    fill_payloads(job.answer);
    job.done(job.answer.status, job.answer.reply);
  }
  giving_.clear();
}

void SqliteMailbox::fill_payloads(MailboxFile::Answer& answer) {
  if (answer.reply.kind != MailboxOpKind::read || answer.status != ReplyStatus::ok) return;
  for (size_t i = 0; i < answer.entries.size(); ++i) {
    answer.entries[i].payload = pool_.copy(std::as_bytes(std::span(answer.bodies[i])));
  }
  answer.reply.entries = std::make_shared<const std::vector<Entry>>(std::move(answer.entries));
}

}  // namespace imroute::cluster
