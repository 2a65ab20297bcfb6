#include "cluster/store/without_lease.h"

#include <utility>

#include "cluster/store/postbox.h"

namespace imroute::cluster {

namespace {

class WithoutLease : public RegistryStore {
 public:
  WithoutLease(Loop& loop, std::unique_ptr<RegistryStore> holder, std::function<void()> on_refused)
      : on_refused_(std::move(on_refused)), holder_(std::move(holder)), postbox_(loop) {}

  void submit(RegistryOp op, Done<RegistryReply> done) override {
    if (op.kind == RegistryOpKind::renew) return renew(op, std::move(done));
    if (op.kind != RegistryOpKind::open) return holder_->submit(op, std::move(done));
    holder_->submit(op,
                    [this, done = std::move(done)](ReplyStatus status, const RegistryReply& reply) {
                      if (status == ReplyStatus::ok) session_ = reply.session;
                      if (status == ReplyStatus::error && on_refused_ != nullptr) on_refused_();
                      done(status, reply);
                    });
  }
  void on_view_changed(std::function<void()> callback) override {
    holder_->on_view_changed(std::move(callback));
  }
  std::optional<ServerPlace> place_of(NodeId node) const override {
    return holder_->place_of(node);
  }

 private:
  void renew(const RegistryOp& op, Done<RegistryReply> done) {
    RegistryAnswer answer;
    answer.status = op.session == session_ ? ReplyStatus::ok : ReplyStatus::error;
    answer.reply.kind = op.kind;
    answer.reply.session = op.session;
    postbox_.send(std::move(done), std::move(answer));
    holder_->submit(op, [this, session = op.session](ReplyStatus status, const RegistryReply&) {
      if (status == ReplyStatus::error && session == session_) session_ = 0;
    });
  }

  std::function<void()> on_refused_;
  uint64_t session_ = 0;                   // 0: none is held
  std::unique_ptr<RegistryStore> holder_;  // goes first, and with it the calls that it owes
  Postbox postbox_;
};

}  // namespace

std::unique_ptr<RegistryStore> without_lease(Loop& loop, std::unique_ptr<RegistryStore> holder,
                                             std::function<void()> on_refused) {
  return std::make_unique<WithoutLease>(loop, std::move(holder), std::move(on_refused));
}

}  // namespace imroute::cluster
