#include "cluster/process/post_office.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "cluster/wire/control.h"

namespace imroute::cluster {

namespace {

constexpr size_t kMostSenders = 1024;
constexpr size_t kMostWaiting = 64;  // of one sender
constexpr DurationNs kRetryPause = 100 * kMillisecond;
constexpr DurationNs kPatience = 2 * kSecond;  // for a node to bind, and to answer before a repeat
constexpr uint64_t kSeqsOfGeneration = uint64_t{1} << 20;  // as a client numbers (core/client)

bool never_stored(Reason reason) {
  return reason == Reason::not_member || reason == Reason::too_large ||
         reason == Reason::protocol_error || reason == Reason::refused;
}

}  // namespace

class PostOffice::Sender : public LinkOwner, public std::enable_shared_from_this<Sender> {
 public:
  Sender(PostOffice& office, DeviceKey key)
      : office_(office), key_(key), timer_(office.loop_, [this] { on_time(); }) {}
  ~Sender() override {
    if (link_ != nullptr) link_->close();
  }

  void post(PostedMessage message, MonoTime deadline, OnAnswer on_answer) {
    if (waiting_.size() >= kMostWaiting) return answer_later(on_answer, Reason::outbox_full);
    waiting_.push_back({std::move(message), deadline, std::move(on_answer)});
    if (waiting_.size() != 1) return set_timer();
    if (phase_ == Phase::bound) return send_first();
    if (phase_ == Phase::away) return log_in();
    set_timer();
  }

 private:
  enum class Phase : uint8_t { away, asking, dialling, binding, bound };
  struct Waiting {
    PostedMessage message;
    MonoTime deadline;
    OnAnswer on_answer;
  };

  void answer_later(const OnAnswer& call, Reason reason) {
    office_.loop_.post([call, reason] { call({reason, {}, 0}); });
  }

  void log_in() {
    phase_ = Phase::asking;
    due_ = kNever;
    office_.desk_.ask(key_, ClientType::web, avoid_,
                      [weak = weak_from_this()](const LoginAnswer& answer) {
                        const auto self = weak.lock();
                        if (self != nullptr && self->phase_ == Phase::asking)
                          self->on_login(answer);
                      });
    set_timer();
  }

  void on_login(const LoginAnswer& answer) {
    const auto place = parse_host_port(answer.address);
    if (answer.refused != Reason::none || !place) return pause();
    phase_ = Phase::dialling;
    node_ = answer.node;
    generation_ = answer.generation;
    token_ = answer.token;
    due_ = monotonic_now() + kPatience;
    link_ =
        Link::dial(office_.loop_, *place, *this, office_.totals_, {}, office_.layer_to_(*place));
    set_timer();
  }

  void on_connected(Link& link) override {
    phase_ = Phase::binding;
    Greeting greeting;
    greeting.proof = token_;
    link.send_control(kControlGreeting, control_body(greeting));
    Frame bind;
    bind.type = FrameType::bind;
    bind.user = key_.user;
    bind.device = key_.device;
    bind.client_type = ClientType::web;
    bind.generation = generation_;
    bind.flags = kFlagNoCursors;
    link.send(bind);
  }

  void on_frame(Link& link, const Frame& frame) override {
    switch (frame.type) {
      case FrameType::bound:
        phase_ = Phase::bound;
        avoid_ = kNoNode;
        next_seq_ = std::max(next_seq_, generation_ * kSeqsOfGeneration);
        return send_first();
      case FrameType::accepted:
        return on_answer(frame, Reason::none);
      case FrameType::refused:
        return on_answer(frame, frame.reason);
      case FrameType::deliver: {  // for other devices of the user to show
        Frame ack;
        ack.type = FrameType::ack;
        ack.number = frame.number;
        return link.send(ack);
      }
      case FrameType::bind_refused:
      case FrameType::kick:
      case FrameType::go_away:
        avoid_ = node_;
        return leave();
      default:
        return;
    }
  }
  void on_control(Link&, uint8_t type, std::span<const std::byte>) override {
    if (type == kControlRefusal) leave();
  }
  void on_closed(Link&, Reason) override {
    avoid_ = node_;
    link_ = nullptr;
    leave();
  }

  void send_first() {
    if (waiting_.empty()) return rest();
    PostedMessage& message = waiting_.front().message;
    if (message.client_seq == 0) message.client_seq = ++next_seq_;
    Frame send;
    send.type = FrameType::send;
    send.entry.conversation = message.conversation;
    send.entry.kind = message.kind;
    send.entry.client_seq = message.client_seq;
    if (message.kind != EntryKind::message) send.entry.subject = key_.user;
    send.entry.payload = office_.loop_.pool().copy(std::as_bytes(std::span(message.payload)));
    send.base = message.client_seq;  // all before it are answered, or given up
    link_->send(send);
    due_ = monotonic_now() + kPatience;
    set_timer();
  }

  void on_answer(const Frame& frame, Reason reason) {
    if (waiting_.empty()) return;
    const PostedMessage& message = waiting_.front().message;
    const bool this_one = frame.entry.client_seq == message.client_seq &&
                          frame.entry.conversation == message.conversation;
    if (!this_one) return;
    if (reason != Reason::none && !never_stored(reason)) {  // not now: once more in a while
      due_ = monotonic_now() + kRetryPause;
      return set_timer();
    }
    finish_first({reason, frame.entry.position, message.client_seq});
    send_first();
  }

  void finish_first(const PostAnswer& answer) {
    const OnAnswer call = std::move(waiting_.front().on_answer);
    waiting_.pop_front();
    call(answer);
  }

  // Nothing to send. A node takes who says nothing for lost, so this ends before it would.
  void rest() {
    due_ = monotonic_now() + office_.sessions_.client_heartbeat();
    set_timer();
  }

  void leave() {
    if (link_ != nullptr) std::exchange(link_, nullptr)->close();
    pause();
  }
  void pause() {
    phase_ = Phase::away;
    due_ = monotonic_now() + kRetryPause;
    set_timer();
  }

  void set_timer() {
    timer_.set(waiting_.empty() ? due_ : std::min(due_, waiting_.front().deadline));
  }

  void on_time() {
    const auto self = shared_from_this();
    const MonoTime now = monotonic_now();
    bool given_up = false;
    while (!waiting_.empty() && waiting_.front().deadline <= now) {
      finish_first({Reason::timeout, {}, waiting_.front().message.client_seq});
      given_up = true;
    }
    if (given_up && phase_ == Phase::bound) return send_first();
    if (due_ > now) return set_timer();
    due_ = kNever;
    if (phase_ == Phase::bound && !waiting_.empty()) return send_first();
    if (phase_ == Phase::away && !waiting_.empty()) return log_in();
    if (!waiting_.empty()) {  // the node did not connect or bind in time
      avoid_ = node_;
      return leave();
    }
    office_.senders_.erase(key_);
  }

  PostOffice& office_;
  DeviceKey key_;
  Timer timer_;
  Phase phase_ = Phase::away;
  MonoTime due_ = kNever;  // when the phase has lasted long enough
  NodeId node_ = kNoNode, avoid_ = kNoNode;
  uint64_t generation_ = 0;
  std::string token_;
  uint64_t next_seq_ = 0;
  LinkHandle link_;
  std::deque<Waiting> waiting_;  // the first is under way
};

PostOffice::PostOffice(Loop& loop, LoginDesk& desk, const SessionConfig& sessions, LayerTo layer_to)
    : loop_(loop), desk_(desk), sessions_(sessions), layer_to_(std::move(layer_to)) {}
PostOffice::~PostOffice() = default;

void PostOffice::post(DeviceKey from, PostedMessage message, MonoTime deadline,
                      OnAnswer on_answer) {
  auto at = senders_.find(from);
  if (at == senders_.end()) {
    if (senders_.size() >= kMostSenders) {
      return loop_.post([on_answer] { on_answer({Reason::overloaded, {}, 0}); });
    }
    at = senders_.emplace(from, std::make_shared<Sender>(*this, from)).first;
  }
  at->second->post(std::move(message), deadline, std::move(on_answer));
}

}  // namespace imroute::cluster
